"""The floor of `bench decide`: the least any Python program must do for a pump.fun buy.

frame -> signed bytes, by scanning, deriving, patching and signing; nothing is checked

It believes every frame, has no filter, no limit, no journal and one position at a
time. What it shares with ours is only what cannot be left out: the base64 of the
event, six derived addresses and one ed25519 signature.
"""

from __future__ import annotations

from binascii import a2b_base64

from nacl.bindings import crypto_sign, crypto_sign_seed_keypair
from solders.pubkey import Pubkey as SoldersPubkey

from sniperforge.base.units import Pubkey
from sniperforge.dex.programs import ASSOCIATED_TOKEN, TOKEN, TOKEN_2022, WSOL

MARK = b"Program data: G3KpTd7rY3"
_PUMP = SoldersPubkey.from_string("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P")
_FEES = SoldersPubkey.from_string("pfeeUxB6jkeY1Hxd7CsFCAjcbHA9rWtchMGdZ6VojVZ")
_ATA = SoldersPubkey.from_bytes(ASSOCIATED_TOKEN)
_find = SoldersPubkey.find_program_address


class Bare:
    """A precompiled message, and where the keys of a launch stand in it.

    Args:
        seed: 32 bytes of the wallet's key.
        message: one compiled buy of the launch *sample*.
        sample: frame of the launch the message was compiled for.
    """

    def __init__(self, seed: bytes, message: bytes, sample: bytes) -> None:
        public, self._secret = crypto_sign_seed_keypair(seed)
        self._user = public
        self._message = bytearray(message)
        keys = self._keys(sample)
        assert keys is not None
        self._places = [(number, self._message.index(key)) for number, key in enumerate(keys) if key in message]

    def decide(self, frame: bytes) -> bytes | None:
        """Return the signed transaction, or None when the frame is no launch."""
        keys = self._keys(frame)
        if keys is None:
            return None
        message = self._message
        for number, place in self._places:
            message[place : place + 32] = keys[number]
        signed: bytes = crypto_sign(bytes(message), self._secret)
        return b"\x01" + signed

    def _keys(self, frame: bytes) -> tuple[bytes, ...] | None:
        start = frame.find(MARK)
        if start < 0:
            return None
        event = a2b_base64(frame[start + 14 : frame.index(b'"', start + 14)])
        place = 8
        for _ in range(3):
            place += 4 + int.from_bytes(event[place : place + 4], "little")
        mint, curve, creator = (
            event[place : place + 32],
            event[place + 32 : place + 64],
            event[place + 96 : place + 128],
        )
        vault = bytes(_find([b"creator-vault", creator], _PUMP)[0])
        return (
            mint,
            curve,
            bytes(_find([curve, TOKEN_2022, mint], _ATA)[0]),
            bytes(_find([self._user, TOKEN_2022, mint], _ATA)[0]),
            bytes(_find([curve, TOKEN, WSOL], _ATA)[0]),
            vault,
            bytes(_find([vault, TOKEN, WSOL], _ATA)[0]),
            bytes(_find([b"sharing-config", mint], _FEES)[0]),
        )

    @property
    def user(self) -> Pubkey:
        """Return the wallet."""
        return Pubkey(self._user)
