"""Announcements: somebody says a coin was made or moved, and which transaction did it.

frame bytes -> Announcement (signature, mint), or None for any other frame

PumpPortal's socket and its likes send such messages before or instead of the
chain's own words. Nothing in one is believed: it is a signature worth asking for.

Source: pumpportal.fun, "Real-time updates" (subscribeNewToken, subscribeMigration).
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.detect.values import signature_text

#: Longer messages are no announcements: one has a name, a link and a dozen numbers.
BYTES_MAX = 8_192
#: Kinds of announcements that tell of a new pool; the others are trades.
KINDS = frozenset(("create", "migrate"))
#: Inside a text from the chain its quotes would be escaped.
_WORD = b'"txType"'
#: Stands in the head of a node's messages: looking through a whole launch took 3 µs.
_NODES_WORD, _HEAD_BYTES = b'"jsonrpc"', 64


class Announcement(NamedTuple):
    """Which transaction is worth asking for; the zero key where no mint was named."""

    signature: str
    mint: Pubkey


class _Message(msgspec.Struct):
    txType: str
    signature: str = ""
    mint: str = ""


_message = msgspec.json.Decoder(_Message)


def announced(data: bytes) -> Announcement | None:
    """Return what an announcement of a creation or migration points at; None for anything else.

    Raises:
        DecodeError: it is one and names no transaction or no mint.
    """
    if data.find(_NODES_WORD, 0, _HEAD_BYTES) >= 0 or len(data) > BYTES_MAX or _WORD not in data:
        return None
    try:
        message = _message.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Another message that has the word somewhere: its own reader will say what it is.
        return None
    if message.txType not in KINDS:
        return None
    try:
        return Announcement(signature_text(message.signature), keys.key(message.mint) if message.mint else ZERO_KEY)
    except DecodeError as problem:
        raise DecodeError(f"an announcement ({message.txType}): {problem}") from None
