"""The shape of a bot, the bots there are, and the door to them.

message, now -> commands and events        (on)
now          -> commands and events        (on_tick)

A bot is a handler: no clock, no socket, no dice. It holds no key and sends
nothing; it proposes orders and the coordinator disposes. It is told of fills by
the same door as of launches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from sniperforge.base.config import Source
from sniperforge.base.events import Event
from sniperforge.bots import liquidity_sniper, pool_watch


@runtime_checkable
class Bot(Protocol):
    """Anything that judges launches.

    Attributes:
        name: of this instance; it stands in every message the bot makes.
        interest: the message types it wants; others may be kept from it.
    """

    name: str
    interest: frozenset[type[Event]]

    def on(self, event: Event, now_ns: int) -> Iterable[Event]:
        """Return what *event* makes this bot say; a type outside `interest` says nothing."""

    def on_tick(self, now_ns: int) -> Iterable[Event]:
        """Return what the time makes this bot say: deadlines, time stops, tries that are due."""

    def describe(self) -> str:
        """Return one line: what it is and what it holds now."""


@runtime_checkable
class Rehearsing(Protocol):
    """A bot that can walk the way of a launch without meaning it."""

    def rehearse(self) -> Iterable[Event]:
        """Do what the newest launch made it do, and change nothing; return the messages in and out."""


@runtime_checkable
class Punctual(Protocol):
    """A bot that knows when its next tick matters: a pool opens in a slot, not in a tenth of a second."""

    def due_ns(self) -> int:
        """Return when `on_tick` is worth calling, epoch nanoseconds; 0: at no certain time."""


class BotFactory(Protocol):
    """Makes a bot from its name and its settings as a TOML table gave them."""

    def __call__(self, name: str, raw: Mapping[str, Any], *, where: str = "", source: Source | None = None) -> Bot: ...


#: The bots that come with the house, by the name settings call them.
BOTS: dict[str, BotFactory] = {
    liquidity_sniper.KIND: liquidity_sniper.make,
    pool_watch.KIND: pool_watch.make,
}
