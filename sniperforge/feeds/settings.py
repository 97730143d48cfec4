"""What a feed is told: endpoints, tapes, limits. Every limit has a name and a bound here."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from sniperforge.base.units import Pubkey

EndpointKind = Literal["logs", "block", "transaction", "program", "pumpportal"]
Commitment = Literal["", "processed", "confirmed", "finalized"]

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 24)]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One WebSocket endpoint.

    Attributes:
        url: ws:// or wss://; may hold an API key and is therefore never printed.
        kind: which subscription it serves: `logsSubscribe` (one per program),
            `blockSubscribe` (one per program), Helius' `transactionSubscribe`,
            `programSubscribe` (accounts, one per program) or PumpPortal's
            announcements; the last two are asked about and never believed.
        name: label of its frames; empty = host and port of the URL.
        commitment: empty = "processed" ("confirmed" for blocks, which know no less).
    """

    url: str
    kind: EndpointKind = "logs"
    name: str = ""
    commitment: Commitment = ""

    def __repr__(self) -> str:
        """Return all but the URL: settings end up in messages, keys must not."""
        return f"Endpoint(name={self.name!r}, kind={self.kind!r}, commitment={self.commitment!r}, url='***')"


class AccountFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which accounts of a program are wanted.

    Attributes:
        size: bytes each of them has; 0 = any number.
        head: first bytes each of them has; empty = any.
    """

    program: Pubkey
    size: Annotated[int, msgspec.Meta(ge=0, le=10 << 20)] = 0
    head: Annotated[bytes, msgspec.Meta(max_length=128)] = b""


class Tape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One recorded file.

    Attributes:
        path: the file; "-" is standard input.
        speed: how many times faster than recorded; 0 = as fast as possible.
        name: label of frames that carry none; empty = the file's name.
        stamps: "now" stamps a frame when the tape gives it (latency is then real),
            "recorded" keeps the stamp it was recorded with (replays are then equal).
    """

    path: str
    speed: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] = 1.0
    name: str = ""
    stamps: Literal["now", "recorded"] = "now"


class Connection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one connection.

    Attributes:
        connect_s: until the WebSocket handshake is done.
        subscribe_s: until every subscription is answered.
        stall_s: longest silence of the slot heartbeat before the connection is given up.
        ping_s: a ping this often (Helius closes an idle connection after 10 minutes).
        frame_bytes_max: largest message taken; a block is several MB.
        retry_first_s, retry_most_s: bounds of the doubling wait between attempts.
        stable_s: a connection that stood this long starts the doubling anew.
        refused_retry_s: wait after the server said no (bad key, unknown method).
        ca_file: further certificate authority to trust (PEM); TLS is verified always.
    """

    connect_s: _Seconds = 5.0
    subscribe_s: _Seconds = 5.0
    stall_s: _Seconds = 5.0
    ping_s: _Seconds = 30.0
    frame_bytes_max: Annotated[int, msgspec.Meta(ge=1 << 10, le=1 << 30)] = 64 << 20
    retry_first_s: _Seconds = 0.25
    retry_most_s: _Seconds = 15.0
    stable_s: _Seconds = 30.0
    refused_retry_s: _Seconds = 60.0
    ca_file: str = ""


class Gaps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of the gap ledger and of back-fill.

    Attributes:
        grace_s: how long another source may be behind before a slot counts as not shown.
        overlap_slots: slots before a loss that are fetched again, the newest one included:
            logs of a slot come after its heartbeat, so the last ones seen were cut.
        pages_max: pages of 1,000 signatures read per program and gap.
        transactions_max: transactions fetched per gap, oldest first.
        concurrency: RPC calls in flight.
        calls_per_s: RPC calls begun per second.
        attempts_max: tries per call.
        request_s: until one call is answered.
        answer_bytes_max: largest answer read.
        pending_max: gaps waiting for back-fill; further ones stay open.
    """

    grace_s: _Seconds = 2.0
    overlap_slots: Annotated[int, msgspec.Meta(ge=0, le=64)] = 2
    pages_max: _Count = 10
    transactions_max: _Count = 5_000
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8
    calls_per_s: Annotated[float, msgspec.Meta(gt=0, le=10_000)] = 20.0
    attempts_max: Annotated[int, msgspec.Meta(ge=1, le=100)] = 6
    request_s: _Seconds = 10.0
    answer_bytes_max: Annotated[int, msgspec.Meta(ge=1 << 10, le=1 << 30)] = 32 << 20
    pending_max: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 64


class FeedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One feed: what it reads, which programs it wants, where it records.

    Attributes:
        endpoints: raced against each other; names must differ.
        tapes: replayed beside them.
        programs: program ids to subscribe to; needed when there is an endpoint.
        accounts: accounts that a "program" endpoint shows; needed when there is one.
        rpc: http(s) URL for back-fill; None = gaps are told and stay open, and there may
            be no "program" endpoint: nobody could say who made what it shows.
        record: file the frames are recorded to (.gz, .zst, else plain); empty = none.
        seen_max: signatures remembered to tell duplicates.
    """

    endpoints: tuple[Endpoint, ...] = ()
    tapes: tuple[Tape, ...] = ()
    programs: tuple[Pubkey, ...] = ()
    accounts: tuple[AccountFilter, ...] = ()
    rpc: str | None = None
    record: str = ""
    seen_max: Annotated[int, msgspec.Meta(ge=2, le=1 << 24)] = 262_144
    connection: Connection = Connection()
    gaps: Gaps = Gaps()

    def __repr__(self) -> str:
        """Return all but the URL of the RPC endpoint, see `Endpoint`."""
        shown = {name: getattr(self, name) for name in self.__struct_fields__} | {"rpc": self.rpc and "***"}
        return f"FeedSettings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"
