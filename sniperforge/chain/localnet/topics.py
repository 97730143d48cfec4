"""What a client may subscribe to: the request of each kind, read and checked.

method + parameters -> topic (equal requests are equal topics, so that what they
are told is encoded once)
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.account_json import Slice
from sniperforge.chain.localnet.bank import CONFIRMED, PROCESSED
from sniperforge.chain.localnet.landed import TRANSACTION_ENCODINGS, Landed
from sniperforge.chain.localnet.params import Filter, Options, Params, read_key
from sniperforge.chain.localnet.refusal import METHOD_NOT_FOUND, Json, RpcRefusal, invalid

ADDRESSES_MAX = 50_000
_NO_KEYS: frozenset[Pubkey] = frozenset()


class Topic(NamedTuple):
    """One kind of news with its conditions.

    Attributes:
        kind: logs, account, program, signature, slot, root, block, slotsUpdates or transaction.
        key: the address mentioned, the account or the program; None means all.
        options: the request's options as sorted JSON, for encodings of blocks and transactions.
    """

    kind: str
    commitment: int
    key: Pubkey | None = None
    signature: str = ""
    encoding: str = "base64"
    part: Slice | None = None
    filters: tuple[Filter, ...] = ()
    include: frozenset[Pubkey] = _NO_KEYS
    exclude: frozenset[Pubkey] = _NO_KEYS
    required: frozenset[Pubkey] = _NO_KEYS
    takes_failed: bool = True
    takes_received: bool = False
    details: str = "full"
    version_max: int | None = None
    options: str = ""

    def wants(self, landed: Landed) -> bool:
        """Whether a transaction passes the conditions of a transaction topic."""
        if landed.error is not None and not self.takes_failed:
            return False
        if self.signature and self.signature != landed.signature:
            return False
        keys = set(landed.keys)
        if self.include and self.include.isdisjoint(keys):
            return False
        return self.required <= keys and self.exclude.isdisjoint(keys)


def read_topic(method: str, params: Params) -> Topic:
    """Return what `<kind>Subscribe` asks for; raises RpcRefusal."""
    reader = _READERS.get(method.removesuffix("Subscribe"))
    if reader is None or not method.endswith("Subscribe"):
        raise RpcRefusal(METHOD_NOT_FOUND, f"Method not found: {method[:60]}")
    return reader(params)


def is_unsubscribe(method: str) -> bool:
    """Whether *method* ends a subscription of a kind there is."""
    return method.endswith("Unsubscribe") and method.removesuffix("Unsubscribe") in _READERS


def _logs(params: Params) -> Topic:
    which, commitment = params.get(0), params.options(1).commitment()
    if which in ("all", "allWithVotes"):
        return Topic("logs", commitment)
    mentions = which.get("mentions") if isinstance(which, dict) else None
    if not isinstance(mentions, list) or len(mentions) != 1:
        raise invalid('Only 1 address supported: give "all", "allWithVotes" or {"mentions": [one]}')
    return Topic("logs", commitment, key=read_key(mentions[0], "mentions"))


def _account(params: Params) -> Topic:
    options = params.options(1)
    encoding, part = options.encoding("binary"), options.slice()
    return Topic("account", options.commitment(), key=params.key(0, "pubkey"), encoding=encoding, part=part)


def _program(params: Params) -> Topic:
    options = params.options(1)
    return Topic(
        "program",
        options.commitment(),
        key=params.key(0, "program id"),
        encoding=options.encoding("binary"),
        part=options.slice(),
        filters=options.filters(),
    )


def _signature(params: Params) -> Topic:
    options = params.options(1)
    received = options.flag("enableReceivedNotification")
    return Topic("signature", options.commitment(), signature=params.text(0, "signature"), takes_received=received)


def _block(params: Params) -> Topic:
    which, options = params.get(0), params.options(1)
    key = None
    if isinstance(which, dict):
        key = read_key(which.get("mentionsAccountOrProgram"), "mentionsAccountOrProgram")
    elif which != "all":
        raise invalid('filter is "all" or {"mentionsAccountOrProgram": key}')
    commitment = options.commitment()
    if commitment < CONFIRMED:
        raise invalid("Method does not support commitment below `confirmed`")
    _check_encoding(options)
    return Topic("block", commitment, key=key, options=_sorted(options))


def _transaction(params: Params) -> Topic:
    which, options = params.get(0), params.options(1)
    if not isinstance(which, dict):
        raise invalid("filter is an object with accountInclude, accountExclude, accountRequired, failed, signature")
    wanted = Options(which)
    details = options.text("transactionDetails", "full")
    if details not in ("full", "signatures", "none"):
        raise invalid(f"transactionDetails {details!r} is none of full, signatures, none")
    return Topic(
        "transaction",
        options.commitment(),
        signature=wanted.text("signature", ""),
        encoding=_check_encoding(options),
        include=wanted.keys("accountInclude", size_max=ADDRESSES_MAX),
        exclude=wanted.keys("accountExclude", size_max=ADDRESSES_MAX),
        required=wanted.keys("accountRequired", size_max=ADDRESSES_MAX),
        takes_failed=wanted.flag("failed", True),
        details=details,
        version_max=options.number("maxSupportedTransactionVersion"),
    )


def _slot(params: Params) -> Topic:
    return Topic("slot", PROCESSED)


def _root(params: Params) -> Topic:
    return Topic("root", PROCESSED)


def _slots_updates(params: Params) -> Topic:
    return Topic("slotsUpdates", PROCESSED)


def _check_encoding(options: Options) -> str:
    encoding = options.text("encoding", "base64")
    if encoding not in TRANSACTION_ENCODINGS:
        raise invalid(f"encoding {encoding!r} is none of {', '.join(TRANSACTION_ENCODINGS)}")
    options.number("maxSupportedTransactionVersion")
    return encoding


def _sorted(options: Options) -> str:
    body: Json = {name: value for name, value in options.body.items() if name != "commitment"}
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()


_READERS = {
    "logs": _logs,
    "account": _account,
    "program": _program,
    "signature": _signature,
    "slot": _slot,
    "root": _root,
    "slotsUpdates": _slots_updates,
    "block": _block,
    "transaction": _transaction,
}
