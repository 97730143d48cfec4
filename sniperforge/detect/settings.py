"""What may be set about detection, with every bound.

[detect] table of a config -> DetectSettings
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Entries = Annotated[int, msgspec.Meta(ge=1, le=1 << 22)]
EntriesOrNone = Annotated[int, msgspec.Meta(ge=0, le=1 << 22)]


class DetectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of one detector.

    Attributes:
        venues: names of the venues to watch; empty = all this build knows.
        trades: which trades are told: of "tracked" pools (created lately, or held
            by a position), of "all" pools, or "none".
        inspect_tokens: which mints of new pools to have read from the chain:
            "foreign" = those the venue did not make itself, "all", or "none".
        tracked_max: pools created lately whose trades are told; the longest quiet one goes first.
        held_max: pools held by positions, on top of those.
        known_max: pools and coins remembered as no longer new.
        seen_max: events remembered, so that one transaction seen twice is told once.
        wanted_max: transactions remembered as asked for.
        account_age_s: accounts shown alone ("program" endpoints) are asked about when their
            creation may be so young, and their transaction is news when it is.
        account_questions_per_s: questions of that kind a second for each venue; ten at once.
        frame_bytes_max: longest message that is read.
        creator_coins_max: coins remembered for what is known of their creators; 0: nothing is told.
        creator_sold_within_s: a creator who sells all he bought so soon after the launch rugged it.
        bundles_max: launches whose own slot is watched for buys at once; 0: none.
        bundle_window_ms: when such a slot is over though nothing of a later one was read.
    """

    venues: tuple[str, ...] = ()
    trades: Literal["tracked", "all", "none"] = "tracked"
    inspect_tokens: Literal["foreign", "all", "none"] = "foreign"
    tracked_max: Entries = 2_048
    held_max: Entries = 1_024
    known_max: Entries = 65_536
    seen_max: Entries = 32_768
    wanted_max: Entries = 8_192
    account_age_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 60
    account_questions_per_s: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 2
    frame_bytes_max: Annotated[int, msgspec.Meta(ge=1_024, le=1 << 30)] = 64 << 20
    creator_coins_max: EntriesOrNone = 32_768
    creator_sold_within_s: Annotated[int, msgspec.Meta(ge=1, le=7 * 86_400)] = 600
    bundles_max: Annotated[int, msgspec.Meta(ge=0, le=1 << 16)] = 512
    bundle_window_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 2_000
