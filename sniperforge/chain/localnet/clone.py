"""Programs and accounts copied from a running cluster before the first slot.

URL + addresses -> getMultipleAccounts -> installed in the virtual machine

An upgradeable program is two accounts: 36 bytes that name the one with the code.
Built-in programs (system, vote, …) are there already and are refused by name.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeAlias

import aiohttp
import msgspec
from solders.litesvm import LiteSVM

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key, text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import genesis
from sniperforge.chain.localnet.account_json import Snapshot
from sniperforge.chain.localnet.refusal import CloneFailed

KEYS_PER_CALL = 100
ANSWER_BYTES_MAX = 256 << 20
_LOADER_1 = key("BPFLoader1111111111111111111111111111111111")
_LOADER_2 = key("BPFLoader2111111111111111111111111111111111")
_LOADER_3 = key("BPFLoaderUpgradeab1e11111111111111111111111")
_NATIVE = key("NativeLoader1111111111111111111111111111111")
_PROGRAM_STATE, _CODE_AT = 2, 45


class _Row(msgspec.Struct):
    data: tuple[str, str]
    executable: bool
    lamports: int
    owner: str


class _Result(msgspec.Struct):
    value: list[_Row | None]


class _Answer(msgspec.Struct):
    result: _Result


Accounts: TypeAlias = dict[Pubkey, Snapshot]


async def clone(svm: LiteSVM, url: str, addresses: Sequence[Pubkey]) -> None:
    """Copy *addresses* from the cluster at *url* into *svm*.

    Raises:
        CloneFailed: the cluster does not answer, an account is not there, or a
            program is of a loader we cannot install.
        ProgramUnreadable: the code is not a program this machine loads.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        found = await _fetch(session, url, addresses)
        code_of = {address: _code_address(url, address, state) for address, state in found.items()}
        wanted = [each for each in code_of.values() if each is not None]
        codes = await _fetch(session, url, wanted)
    for address, state in found.items():
        where = code_of[address]
        if where is not None:
            genesis.load(svm, address, codes[where].data[_CODE_AT:], f"{text(address)} of {url}")
        elif state.executable:
            genesis.load(svm, address, state.data, f"{text(address)} of {url}")
        else:
            genesis.place(svm, address, state.lamports, state.data, state.owner)


def _code_address(url: str, address: Pubkey, state: Snapshot) -> Pubkey | None:
    """Return where the code of an upgradeable program lies; None for anything else."""
    if not state.executable or state.owner in (_LOADER_1, _LOADER_2):
        return None
    if state.owner == _NATIVE:
        raise CloneFailed(url, f"{text(address)} is built into every cluster")
    if state.owner != _LOADER_3 or len(state.data) < 36 or int.from_bytes(state.data[:4], "little") != _PROGRAM_STATE:
        raise CloneFailed(url, f"{text(address)} belongs to loader {text(state.owner)}, which is not known here")
    return Pubkey(state.data[4:36])


async def _fetch(session: aiohttp.ClientSession, url: str, addresses: Sequence[Pubkey]) -> Accounts:
    found: Accounts = {}
    for start in range(0, len(addresses), KEYS_PER_CALL):
        part = addresses[start : start + KEYS_PER_CALL]
        rows = await _call(session, url, [text(each) for each in part])
        if len(rows) != len(part):
            raise CloneFailed(url, f"{len(rows)} accounts came for {len(part)} asked")
        for address, row in zip(part, rows, strict=True):
            if row is None:
                raise CloneFailed(url, f"there is no account {text(address)}")
            found[address] = _account(url, row)
    return found


async def _call(session: aiohttp.ClientSession, url: str, names: list[str]) -> list[_Row | None]:
    body = {"jsonrpc": "2.0", "id": 1, "method": "getMultipleAccounts", "params": [names, {"encoding": "base64"}]}
    try:
        async with session.post(url, json=body) as response:
            raw = bytearray()
            async for part in response.content.iter_chunked(1 << 16):
                raw += part
                if len(raw) > ANSWER_BYTES_MAX:
                    raise CloneFailed(url, f"the answer is more than {ANSWER_BYTES_MAX} bytes")
            return msgspec.json.decode(raw, type=_Answer).result.value
    except (aiohttp.ClientError, TimeoutError, ValueError) as problem:
        raise CloneFailed(url, f"{problem or type(problem).__name__}") from None


def _account(url: str, row: _Row) -> Snapshot:
    try:
        return Snapshot(row.lamports, base64.b64decode(row.data[0], validate=True), key(row.owner), row.executable)
    except (DecodeError, binascii.Error) as problem:
        raise CloneFailed(url, str(problem)) from None
