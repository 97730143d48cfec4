"""Keys are read from private files only, sealed under a passphrase, and never shown by anything."""

from __future__ import annotations

import copy
import json
import os
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from solders.keypair import Keypair

from sniperforge.chain import keystore
from sniperforge.chain.keystore import (
    KeyUnusable,
    Secret,
    convert,
    create,
    from_seed,
    load,
    passphrase_from,
    write,
)

SEED = bytes(range(100, 132))
SECRET = from_seed(SEED)
PASSPHRASE = b"correct horse battery"
#: Cheap on purpose: 2^10 instead of 2^17.
CHEAP = 1 << 10


def keypair_file(folder: Path, content: str | None = None, mode: int = 0o600) -> Path:
    path = folder / "id.json"
    path.write_text(json.dumps(list(SECRET.reveal())) if content is None else content)
    path.chmod(mode)
    return path


def shown(problem: BaseException) -> str:
    """Everything a screen could show of an exception, locals of every frame included."""
    told = traceback.TracebackException.from_exception(problem, capture_locals=True)
    return "".join(told.format()) + str(problem) + repr(problem)


def material() -> list[str]:
    """Forms in which the key could leak."""
    raw = SECRET.reveal()
    listed = json.dumps(list(raw[:32]))[1:-1]
    return [SEED.hex(), raw.hex(), listed, listed.replace(" ", ""), repr(SEED)[2:-1], str(Keypair.from_bytes(raw))]


def test_a_solana_keypair_file_is_read(tmp_path: Path) -> None:
    secret = load(keypair_file(tmp_path))
    assert secret.public_key == bytes(Keypair.from_seed(SEED).pubkey())
    assert secret.reveal() == SECRET.reveal()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644])
def test_a_file_others_can_reach_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    path = keypair_file(tmp_path, mode=mode)
    with pytest.raises(KeyUnusable, match=f"chmod 600 {path}") as caught:
        load(path)
    assert f"{mode:04o}" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "not a JSON array"),
        ("[1, 2", "not a JSON array"),
        ("[" * 30_000, "not a JSON array"),
        ('"text"', "holds 0 bytes"),
        ("[1, 2, 3]", "holds 3 bytes"),
        ("[256]", "not a JSON array"),
        ('["a"]', "not a JSON array"),
        (json.dumps([1] * 64), "its public half does not belong"),
        ("{}", "not a keystore"),
        ('{"public_key": 1}', "not a keystore"),
        ("{" * 70_000, "are no key file"),
    ],
)
def test_a_malformed_file_is_one_line_without_its_content(tmp_path: Path, content: str, problem: str) -> None:
    with pytest.raises(KeyUnusable, match=problem) as caught:
        load(keypair_file(tmp_path, content))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_missing_and_odd_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="cannot open: No such file"):
        load(tmp_path / "nothing")
    with pytest.raises(KeyUnusable, match="not a regular file"):
        load(tmp_path)


def test_a_foreign_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(KeyUnusable, match="not to us"):
        load(keypair_file(tmp_path))


def test_a_keystore_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    public = convert(keypair_file(tmp_path), path, passphrase=PASSPHRASE, scrypt_n=CHEAP)
    assert public == SECRET.public_key
    assert path.stat().st_mode & 0o777 == 0o600
    assert load(path, passphrase=PASSPHRASE).reveal() == SECRET.reveal()
    with pytest.raises(KeyUnusable, match="does not open with this passphrase"):
        load(path, passphrase=b"wrong")
    with pytest.raises(KeyUnusable, match="no passphrase was given"):
        load(path)
    for form in material():
        assert form not in path.read_text()


def test_a_new_keystore_holds_a_new_key(tmp_path: Path) -> None:
    first = create(tmp_path / "a", passphrase=PASSPHRASE, scrypt_n=CHEAP)
    second = create(tmp_path / "b", passphrase=PASSPHRASE, scrypt_n=CHEAP)
    assert first != second
    assert load(tmp_path / "a", passphrase=PASSPHRASE).public_key == first


def test_a_keystore_is_never_overwritten(tmp_path: Path) -> None:
    create(tmp_path / "a", passphrase=PASSPHRASE, scrypt_n=CHEAP)
    with pytest.raises(KeyUnusable, match="cannot create: File exists"):
        create(tmp_path / "a", passphrase=PASSPHRASE, scrypt_n=CHEAP)


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="shorter than 8"):
        create(tmp_path / "a", passphrase=b"1234567", scrypt_n=CHEAP)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"version": 2}, "version is not 1"),
        ({"scrypt_n": 1 << 21}, "power of two"),
        ({"scrypt_n": 3000}, "power of two"),
        ({"scrypt_n": "1024"}, "power of two"),
        ({"salt": "AAAA"}, "wrong size"),
        ({"nonce": "?"}, "not a keystore"),
        ({"public_key": "11111111111111111111111111111111"}, "does not open"),
        ({"sealed": "AAAA"}, "does not open"),
    ],
)
def test_a_tampered_keystore_is_refused(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    """The public key is authenticated: nobody can pass another's store off as yours."""
    path = tmp_path / "store"
    write(path, SECRET, passphrase=PASSPHRASE, scrypt_n=CHEAP)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(KeyUnusable, match=problem):
        load(path, passphrase=PASSPHRASE)


def test_a_store_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store"
    lying = Secret(bytes(32) + SECRET.public_key)
    lying._reveal = lambda: b"too short"
    write(path, lying, passphrase=PASSPHRASE, scrypt_n=CHEAP)
    with pytest.raises(KeyUnusable, match="holds no key of that name"):
        load(path, passphrase=PASSPHRASE)


def test_the_default_cost_is_the_one_written_down() -> None:
    assert (keystore.SCRYPT_N, keystore.SCRYPT_R, keystore.SCRYPT_P) == (131_072, 8, 1)


# ── passphrases ──


def test_a_passphrase_from_the_environment_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNIPER_PASS", "open sesame")
    assert passphrase_from("env:SNIPER_PASS") == b"open sesame"
    assert "SNIPER_PASS" not in os.environ
    with pytest.raises(KeyUnusable, match="not set"):
        passphrase_from("env:SNIPER_PASS")


def test_a_passphrase_from_a_descriptor_ends_with_its_line() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"open sesame\n")
    os.close(writing)
    assert passphrase_from(f"fd:{reading}") == b"open sesame"


@pytest.mark.parametrize("source", ["", "open sesame", "env:", "fd:x", "file:/etc/passwd"])
def test_a_passphrase_is_never_taken_from_the_setting_itself(source: str) -> None:
    with pytest.raises(KeyUnusable, match="neither env:NAME nor fd:N"):
        passphrase_from(source)


def test_a_closed_descriptor_is_one_line() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    with pytest.raises(KeyUnusable, match="cannot read"):
        passphrase_from(f"fd:{reading}")


# ── nothing leaks ──


@pytest.mark.parametrize(
    "use", [pickle.dumps, copy.copy, copy.deepcopy, lambda secret: secret.__reduce__(), lambda secret: vars(secret)]
)
def test_a_secret_is_not_copied(use: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as caught:
        use(SECRET)
    text = shown(caught.value)
    for form in material():
        assert form not in text


def test_a_secret_does_not_show_itself() -> None:
    for text in (repr(SECRET), str(SECRET), f"{SECRET}", repr([SECRET]), repr(SECRET._reveal)):
        for form in material():
            assert form not in text


def test_no_failure_shows_the_key_even_with_locals(tmp_path: Path) -> None:
    """Screens that print the locals of a traceback (rich, pytest -l, error trackers) see none of it."""
    raw = SECRET.reveal()
    broken = keypair_file(tmp_path, json.dumps([*raw[:32], *bytes(32)]))
    store = tmp_path / "store"
    write(store, SECRET, passphrase=PASSPHRASE, scrypt_n=CHEAP)

    def failures() -> list[BaseException]:
        caught: list[BaseException] = []
        for path, passphrase in ((broken, b""), (store, b"wrong one"), (store, b"")):
            try:
                load(path, passphrase=passphrase)
            except KeyUnusable as problem:
                caught.append(problem)
        try:
            write(store, SECRET, passphrase=PASSPHRASE, scrypt_n=CHEAP)
        except KeyUnusable as problem:
            caught.append(problem)
        return caught

    caught = failures()
    del raw
    # Shown before the forms exist: our own frame's locals are in it too.
    texts = [shown(problem) for problem in caught]
    assert len(texts) == 4
    for text in texts:
        for form in material():
            assert form not in text
    assert not any("wrong one" in str(problem) for problem in caught)
