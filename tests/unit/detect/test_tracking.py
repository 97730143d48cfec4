"""Whose trades are told: the latest pools, and without fail those a position holds."""

from __future__ import annotations

from sniperforge.base import keys
from sniperforge.base.events import PositionChanged
from sniperforge.base.units import Pubkey
from sniperforge.detect.scan import Scanner, key_letters
from sniperforge.detect.tracking import Tracking
from sniperforge.dex.venue import Venue
from tests.unit.detect.fakes import PROGRAM, key_of, venue
from tests.unit.detect.fakes import position as position_in

A, B, C, MINT = key_of("a"), key_of("b"), key_of("c"), key_of("mint")


def make(tracked_max: int = 2, held_max: int = 2, *, of: Venue | None = None) -> tuple[Tracking, Scanner]:
    """Return a tracking and the scanner it keeps."""
    known = of or venue()
    scanner = Scanner([known], trades="tracked")
    return Tracking(scanner, {known.name: known}, tracked_max=tracked_max, held_max=held_max), scanner


def letters(scanner: Scanner) -> set[bytes]:
    """Return what the byte test looks for."""
    return set(scanner.tracked)


def of(*addresses: Pubkey) -> set[bytes]:
    """Return the letters of keys at the offset the fake venue has them."""
    return {key_letters(address, 8) for address in addresses}


def position(address: Pubkey, state: str = "open", *, number: int = 1) -> PositionChanged:
    """Return what the coordinator says of a position in a coin."""
    return position_in(address, MINT, state, number=number)


def test_the_quietest_pool_makes_room() -> None:
    """A told trade keeps a pool; the byte test follows."""
    tracking, scanner = make()
    tracking.add(A, "fake", key_of("mint a"))
    tracking.add(B, "fake", MINT)
    tracking.touch(A)
    tracking.touch(key_of("unknown"))
    tracking.add(C, "fake", MINT)
    assert (A in tracking, B in tracking, C in tracking, len(tracking)) == (True, False, True, 2)
    assert letters(scanner) == of(A, key_of("mint a"), C, MINT)


def test_a_held_pool_stays_whatever_comes() -> None:
    """Until its position is closed."""
    tracking, scanner = make(tracked_max=1)
    tracking.position(position(A))
    tracking.position(position(A))
    for address in (B, C):
        tracking.add(address, "fake", MINT)
    assert A in tracking
    tracking.position(position(A, "closed"))
    tracking.position(position(A, "closed"))
    assert A not in tracking
    assert letters(scanner) == of(C, MINT)


def test_a_pool_two_positions_hold_is_held_by_both() -> None:
    """Closing one does not lose the other's trades."""
    tracking, _ = make()
    tracking.position(position(A, number=1))
    tracking.position(position(A, number=2))
    tracking.position(position(A, "closed", number=1))
    assert A in tracking
    tracking.position(position(A, "closed", number=2))
    assert A not in tracking


def test_a_coin_is_followed_to_its_new_pool() -> None:
    """For the pools made lately and for every position that holds it; others are let go."""
    tracking, scanner = make(tracked_max=1)
    tracking.position(position(A))
    tracking.moved(A, B, "fake", MINT)
    tracking.moved(A, B, "fake", MINT)
    tracking.moved(key_of("unknown"), key_of("elsewhere"), "fake", MINT)
    tracking.add(C, "fake", MINT)
    assert (A in tracking, B in tracking, key_of("elsewhere") in tracking) == (True, True, False)
    tracking.position(position(A, "closed"))
    assert letters(scanner) == of(C, MINT)


def test_more_positions_than_allowed_forget_the_oldest() -> None:
    """The bound holds for them too."""
    tracking, scanner = make(held_max=1)
    tracking.position(position(A, number=1))
    tracking.position(position(B, number=2))
    assert (A in tracking, B in tracking) == (False, True)
    assert letters(scanner) == of(B, MINT)
    tracking.position(position(B, "closed", number=2))
    assert letters(scanner) == set()


def test_blind_venues_are_looked_for_while_it_matters() -> None:
    """By program id; an unknown venue by nothing."""
    tracking, scanner = make(of=venue(blind=True))
    tracking.add(A, "fake", MINT)
    assert scanner.blind == [keys.text(PROGRAM).encode()]
    tracking.add(B, "unknown", MINT)
    tracking.add(C, "unknown", MINT)
    assert scanner.blind == []
