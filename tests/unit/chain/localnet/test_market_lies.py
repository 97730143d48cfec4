"""Every lie lands, looks like the real thing, and creates nothing."""

from __future__ import annotations

import base64
import random

import pytest

from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import cpmm
from sniperforge.chain.localnet.genesis import FORGER
from sniperforge.chain.localnet.market_client import address
from sniperforge.chain.localnet.market_lies import LAUNCHLAB, PUMP, tell
from sniperforge.chain.localnet.market_plan import SPOOF_FORMS
from sniperforge.dex.programs import EVENT_TAG
from tests.unit.chain.localnet.stand import Stand

MENTIONED = {"pumpfun": PUMP, "raydium_launchlab": LAUNCHLAB, "raydium_cpmm": cpmm.PROGRAM}


@pytest.mark.parametrize("form", SPOOF_FORMS)
def test_a_lie_lands_and_mentions_whom_it_slanders(form: str) -> None:
    """Subscribers by mention get it; the pool it names does not exist."""
    stand = Stand()
    claim = tell(form, address(stand.alice), random.Random(form), 1_800_000_000)
    landed = stand.send([claim.instruction], stand.alice)
    assert landed.error is None, landed.logs
    assert MENTIONED[claim.venue] in landed.keys
    assert stand.bank.executor.account(claim.pool) is None
    assert all(landed.keys[call.program_index] == FORGER for call in landed.envelope.calls)


@pytest.mark.parametrize("form", ["pump_data", "pump_log_and_data"])
def test_a_forged_event_is_whole(form: str) -> None:
    """Discriminator first, the mint inside, as the program's own would be."""
    stand = Stand()
    claim = tell(form, address(stand.alice), random.Random(1), 7)
    landed = stand.send([claim.instruction], stand.alice)
    line = next(each for each in landed.logs if each.startswith("Program data: "))
    event = base64.b64decode(line.removeprefix("Program data: "))
    assert event.startswith(bytes.fromhex("1b72a94ddeeb6376"))
    assert event.count(bytes(claim.mint)) == 1
    assert ("Program log: Instruction: Create" in landed.logs) is (form == "pump_log_and_data")


def test_a_forged_self_call_carries_the_event_tag() -> None:
    """Only the caller is wrong."""
    stand = Stand()
    landed = stand.send(
        [tell("launchlab_self_call", address(stand.alice), random.Random(1), 7).instruction], stand.alice
    )
    assert landed.inner[0][0].call.data.startswith(EVENT_TAG + bytes.fromhex("97d7e20976a173ae"))
    assert landed.keys[landed.inner[0][0].call.program_index] == FORGER


def test_a_lookalike_has_the_data_and_accounts_of_a_creation() -> None:
    """And a forged invoke line hides in one line of another."""
    stand = Stand()
    claim = tell("cpmm_lookalike", address(stand.alice), random.Random(1), 7)
    assert claim.instruction.data.startswith(cpmm.INITIALIZE)
    assert claim.instruction.accounts[3].key == claim.pool
    forged = tell("cpmm_forged_invoke", address(stand.alice), random.Random(1), 7)
    landed = stand.send([forged.instruction], stand.alice)
    assert sum("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C invoke [1]" in each for each in landed.logs) == 1
    assert not any(each.startswith("Program CPMMoo8L") for each in landed.logs)


def test_lies_of_one_dice_are_the_same() -> None:
    """The plan's seed tells them again."""
    creator = Pubkey(b"\1" * 32)
    for form in SPOOF_FORMS:
        assert tell(form, creator, random.Random(3), 9) == tell(form, creator, random.Random(3), 9)
