"""Key files: Solana CLI keypairs and our encrypted keystore.

file of mode 0600 (+ passphrase) -> Secret        (reading)
Secret + passphrase -> keystore file              (create, convert)

A keystore is one JSON object: scrypt parameters and salt, an AES-256-GCM nonce
and the sealed 64 bytes; the public key stands beside it in the clear and is
authenticated. Whoever can read the file must still guess the passphrase at
128 MiB and about half a second a try (n = 2^17, r = 8).

No message of this module ever carries bytes of a key, and no frame that raises
holds them in a local variable: tracebacks with locals stay clean.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import nacl.bindings
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sniperforge.base.errors import ConfigError
from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey

SCRYPT_N = 1 << 17
SCRYPT_R, SCRYPT_P = 8, 1
#: A file that asks for more would take more than 1 GiB: refused, not tried.
SCRYPT_N_MAX = 1 << 20
SCRYPT_N_MIN = 1 << 10
PASSPHRASE_BYTES_MIN = 8
FILE_BYTES_MAX = 64 * 1024
_SALT_BYTES, _NONCE_BYTES, _SECRET_BYTES = 16, 12, 64


class KeyUnusable(ConfigError):
    """A key file is missing, open to others, malformed, or does not open with this passphrase."""


class Secret:
    """64 bytes of an ed25519 key (seed, then public key) that refuse to be shown, copied or pickled."""

    __slots__ = ("_reveal", "public_key")

    def __init__(self, raw: bytes) -> None:
        self._reveal: Callable[[], bytes] = lambda: raw
        self.public_key = Pubkey(raw[32:])

    def reveal(self) -> bytes:
        """Return the bytes, for signing or sealing only."""
        return self._reveal()

    def __repr__(self) -> str:
        return f"<secret key of {text(self.public_key)}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret key is never copied or pickled")


def from_seed(seed: bytes) -> Secret:
    """Return the key of a 32-byte *seed* (tests, paper wallets)."""
    return Secret(nacl.bindings.crypto_sign_seed_keypair(seed)[1])


def load(path: str | Path, *, passphrase: bytes = b"") -> Secret:
    """Return the key in *path*: a Solana CLI keypair or a keystore, by its content.

    Raises:
        KeyUnusable: one line: what is wrong with the file and the cure.
    """
    where = str(path)
    content = _read_private(path)
    if content[:1] == b"{":
        secret, problem, cure = _unseal(content, passphrase)
    else:
        secret, problem, cure = _parse_keypair(content)
    del content
    if secret is None:
        raise KeyUnusable(where, problem, cure)
    return secret


def create(path: str | Path, *, passphrase: bytes, scrypt_n: int = SCRYPT_N) -> Pubkey:
    """Make a new key in a new keystore file of mode 0600; return its public key."""
    secret = from_seed(secrets.token_bytes(32))
    write(path, secret, passphrase=passphrase, scrypt_n=scrypt_n)
    return secret.public_key


def convert(keypair: str | Path, keystore: str | Path, *, passphrase: bytes, scrypt_n: int = SCRYPT_N) -> Pubkey:
    """Seal a Solana CLI keypair file into a new keystore; the old file stays, to be removed by hand."""
    secret = load(keypair)
    write(keystore, secret, passphrase=passphrase, scrypt_n=scrypt_n)
    return secret.public_key


def write(path: str | Path, secret: Secret, *, passphrase: bytes, scrypt_n: int = SCRYPT_N) -> None:
    """Write *secret* sealed into *path*, which must not exist yet."""
    if len(passphrase) < PASSPHRASE_BYTES_MIN:
        raise KeyUnusable(
            str(path), f"the passphrase is shorter than {PASSPHRASE_BYTES_MIN} bytes", "choose a longer one"
        )
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    public = text(secret.public_key)
    cipher = AESGCM(_derive(passphrase, salt, scrypt_n))
    fields: dict[str, str | int] = {
        "version": 1,
        "public_key": public,
        "scrypt_n": scrypt_n,
        "salt": base64.b64encode(salt).decode(),
        "nonce": base64.b64encode(nonce).decode(),
        "sealed": base64.b64encode(cipher.encrypt(nonce, secret.reveal(), public.encode())).decode(),
    }
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise KeyUnusable(str(path), f"cannot create: {problem.strerror}", "name a new file") from None
    with os.fdopen(descriptor, "w") as file:
        json.dump(fields, file)
        file.flush()
        os.fsync(file.fileno())


def passphrase_from(source: str) -> bytes:
    """Return the passphrase *source* names: `env:NAME` or `fd:N` (read to its end, newline cut).

    The variable is removed from our environment, so that no child inherits it.
    """
    kind, _, name = source.partition(":")
    if kind == "env" and name:
        value = os.environ.pop(name, None)
        if value is None:
            raise KeyUnusable(f"env:{name}", "the variable is not set", "export it before starting")
        return value.encode()
    if kind == "fd" and name.isdigit():
        try:
            with os.fdopen(int(name), "rb") as file:
                return file.read(FILE_BYTES_MAX).rstrip(b"\r\n")
        except OSError as problem:
            raise KeyUnusable(source, f"cannot read: {problem.strerror}", "pass an open descriptor") from None
    raise KeyUnusable("passphrase source", f"{source[:20]!r} is neither env:NAME nor fd:N", "use one of the two")


def _read_private(path: str | Path) -> bytes:
    """Return the content of a regular file that only its owner (us) can read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as problem:
        raise KeyUnusable(str(path), f"cannot open: {problem.strerror}", "check the path of the key file") from None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise KeyUnusable(str(path), "not a regular file", "name the key file itself")
        if facts.st_mode & 0o077:
            mode = f"{stat.S_IMODE(facts.st_mode):04o}"
            raise KeyUnusable(str(path), f"mode {mode} lets others at the key", f"run: chmod 600 {path}")
        if facts.st_uid != os.geteuid():
            raise KeyUnusable(str(path), f"belongs to uid {facts.st_uid}, not to us", "run as its owner")
        if facts.st_size > FILE_BYTES_MAX:
            raise KeyUnusable(str(path), f"{facts.st_size} bytes are no key file", "name the key file itself")
        return os.read(descriptor, FILE_BYTES_MAX)
    finally:
        os.close(descriptor)


def _parse_keypair(content: bytes) -> tuple[Secret | None, str, str]:
    """Return the key of a Solana CLI file, or why not: told to the caller, so that no frame that raises holds it."""
    cure = "make one with: solana-keygen new --outfile FILE"
    try:
        numbers = json.loads(content)
        raw = bytes(numbers) if isinstance(numbers, list) else b""
    except (ValueError, TypeError, RecursionError):
        return None, "not a JSON array of bytes", cure
    if len(raw) != _SECRET_BYTES:
        return None, f"holds {len(raw)} bytes, a keypair has {_SECRET_BYTES}", cure
    secret = from_seed(raw[:32])
    if secret.public_key != raw[32:]:
        return None, "its public half does not belong to its secret half", "restore the file from a backup"
    return secret, "", ""


def _unseal(content: bytes, passphrase: bytes) -> tuple[Secret | None, str, str]:
    """Return the key of a keystore, or why not."""
    cure = "restore the file from a backup"
    try:
        fields = json.loads(content)
        public, scrypt_n = str(fields["public_key"]), fields["scrypt_n"]
        salt, nonce, sealed = (base64.b64decode(fields[name], validate=True) for name in ("salt", "nonce", "sealed"))
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        return None, "not a keystore", cure
    if fields.get("version") != 1:
        return None, "its version is not 1", "upgrade sniperforge"
    if type(scrypt_n) is not int or not SCRYPT_N_MIN <= scrypt_n <= SCRYPT_N_MAX or scrypt_n & (scrypt_n - 1):
        return None, f"scrypt_n must be a power of two of {SCRYPT_N_MIN}..{SCRYPT_N_MAX}", cure
    if len(salt) != _SALT_BYTES or len(nonce) != _NONCE_BYTES:
        return None, "salt or nonce has the wrong size", cure
    if not passphrase:
        return None, "is encrypted and no passphrase was given", "set keystore_passphrase to env:NAME or fd:N"
    try:
        raw = AESGCM(_derive(passphrase, salt, scrypt_n)).decrypt(nonce, sealed, public.encode())
    except InvalidTag:
        return None, "does not open with this passphrase", "check the passphrase, or restore the file from a backup"
    if len(raw) != _SECRET_BYTES or text(raw[32:]) != public:
        return None, "holds no key of that name", cure
    return Secret(raw), "", ""


def _derive(passphrase: bytes, salt: bytes, scrypt_n: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=scrypt_n, r=SCRYPT_R, p=SCRYPT_P).derive(passphrase)
