"""Every bot of the house has the shape, starts from no settings at all, and is silent about what it does not know."""

from __future__ import annotations

import pytest

from sniperforge.base.events import BotStarted, Event, HaltChanged
from sniperforge.base.wire import TAGS
from sniperforge.bots.bot import BOTS, Bot
from tests.unit.bots.market import START


@pytest.mark.parametrize("kind", sorted(BOTS))
def test_a_bot_of_the_registry_has_the_shape(kind: str) -> None:
    """What the runtime relies on, and no more."""
    bot = BOTS[kind]("one", {}, where="bot.one")
    assert isinstance(bot, Bot)
    assert bot.name == "one"
    assert bot.interest <= set(TAGS)
    assert bot.describe().startswith(f"{kind} one")
    assert "\n" not in bot.describe()


@pytest.mark.parametrize("kind", sorted(BOTS))
def test_a_message_of_no_interest_makes_it_say_no_more_than_its_start(kind: str) -> None:
    """A pipe carries everything, also what was not asked for."""
    bot = BOTS[kind]("one", {})
    said: list[Event] = [*bot.on(HaltChanged(halted=False), START), *bot.on_tick(START)]
    assert [type(message) for message in said] in ([], [BotStarted])
