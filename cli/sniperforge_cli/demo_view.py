"""What `demo` shows: a live view while it runs, and the report at its end.

Session, ring figures -> rich tables of at most 80 columns

Colour helps but carries nothing: every state is also a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sniperforge.base import events
from sniperforge.base.keys import text as base58
from sniperforge.base.units import sol as exact_sol
from sniperforge.observe.session import HOT, LEGS, WAITED, Session, Trade, percentile

WIDTH = 80
RECENT_ROWS = 8


def live(session: Session, rings: Sequence[Mapping[str, Any]], *, elapsed_s: float, seconds: float) -> RenderableType:
    """Return the picture of this moment."""
    done = int(24 * min(1.0, elapsed_s / seconds))
    head = Text.assemble(
        ("SniperForge demo ", "bold"),
        f"[{'=' * done}{' ' * (24 - done)}] {elapsed_s:3.0f} of {seconds:.0f} s\n",
        f"launches {len(session.launches)}   refused as forged {sum(session.disbelieved.values())}   ",
        f"open {len(session.open_trades())}   closed {len(session.closed_trades())}   trades seen {session.swaps}",
    )
    return Group(head, _recent(session), _open(session.open_trades()), _rings(rings), _stages(session))


def _recent(session: Session) -> Table:
    table = _table("what happened", "event", "what", "detail")
    rows = [row for event in reversed(session.recent) if (row := describe(event)) is not None]
    for row in rows[:RECENT_ROWS]:
        table.add_row(*row)
    for _ in range(RECENT_ROWS - len(rows[:RECENT_ROWS])):
        table.add_row("", "", "")
    return table


def describe(event: events.Event) -> tuple[str, str, str] | None:
    """Return one event as (name, subject, detail) for a person; None for what is of no interest here."""
    match event:
        case events.PoolCreated():
            liquidity = f"{sol(event.pool.quote_reserve)} SOL, by {event.believed_by}"
            return "launch", short(event.pool.address), liquidity + (" (late)" if event.late else "")
        case events.LaunchDisbelieved():
            return "spoof refused", event.signature[:8], event.reason
        case events.LaunchRefused():
            values = " ".join(f"{key}={value}" for key, value in event.values.items())
            return "launch refused", short(event.pool), f"{event.filter} {values}"
        case events.OrderLanded():
            price = f"{sol(event.quote_amount)} SOL {event.reason}"
            return f"{event.side} landed", short(event.pool), price
        case events.OrderFailed():
            return f"{event.side} failed", short(event.pool), event.problem
        case events.OrderExpired():
            return f"{event.side} expired", short(event.pool), "never landed"
        case events.OrderRefused():
            return "order refused", short(event.pool), f"{event.limit}: asked {event.asked}, allowed {event.allowed}"
        case events.PositionChanged() if event.state == "closed":
            pnl = sol(event.received_lamports - event.spent_lamports)
            return "position closed", short(event.pool.address), f"PnL {pnl} SOL ({event.reason})"
        case _:
            return None


def _open(trades: Sequence[Trade]) -> Table:
    table = _table("open positions", "pool", "tokens", "spent SOL", "got back SOL")
    for trade in trades[:6]:
        table.add_row(
            short(trade.pool), str(trade.base_amount), sol(trade.spent_lamports), sol(trade.received_lamports)
        )
    if not trades:
        table.add_row("none", "", "", "")
    return table


def _rings(rings: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("rings", "ring", "records", "largest lag", "lost")
    for row in rings:
        table.add_row(str(row["ring"]), str(row["records"]), str(row["lag"]), str(row["lost"]))
    return table


def _stages(session: Session) -> Text:
    return Text("  ".join(f"{name} {event.state}" for name, event in sorted(session.stages.items())), style="dim")


def report(figures: Mapping[str, Any], session: Session) -> RenderableType:
    """Return the closing report."""
    return Group(_trades(session.closed_trades()), _money(figures), _detection(figures, session), legs(session))


def _trades(trades: Sequence[Trade]) -> Table:
    table = _table("trades", "pool", "held", "exit", "spent SOL", "back SOL", "PnL SOL", ratios=(4, 3, 5, 4, 4, 4))
    for trade in trades:
        held = f"{(trade.closed_ns - trade.opened_ns) / 1e9:.1f} s"
        pnl = sol(trade.pnl_lamports)
        reason = trade.exit_reason + (" (recovered)" if trade.recovered else "")
        table.add_row(short(trade.pool), held, reason, sol(trade.spent_lamports), sol(trade.received_lamports), pnl)
    return table


def _money(figures: Mapping[str, Any]) -> Table:
    money = figures["money"]
    table = _table("money", "figure", "SOL", ratios=(5, 6))
    table.add_row("PnL after all costs", sol(money["pnl_lamports"]))
    table.add_row("fees of failed entries, in it", sol(money["entry_losses_lamports"]))
    table.add_row("fees and tips in it", sol(money["fees_lamports"]))
    table.add_row("wallet before", sol(money["wallet_before_lamports"]))
    table.add_row("wallet after", sol(money["wallet_after_lamports"]))
    table.add_row("not explained by the trades", sol(money["unexplained_lamports"]))
    return table


def _detection(figures: Mapping[str, Any], session: Session) -> Table:
    found = figures["detection"]
    table = _table("detection", "figure", "count", "detail", ratios=(4, 2, 7))
    table.add_row("real launches", str(found["launches"]), f"detected {found['detected']}, missed {found['missed']}")
    reasons = ", ".join(f"{reason} {count}" for reason, count in session.disbelieved.most_common())
    table.add_row("spoofed launches", str(found["spoofs"]), f"believed {found['believed_spoofs']}; {reasons}")
    filters = ", ".join(f"{name} {count}" for name, count in session.refused.most_common(4))
    table.add_row("launches refused", str(sum(session.refused.values())), filters)
    limits = ", ".join(f"{name} {count}" for name, count in session.orders_refused.most_common(3))
    table.add_row("orders refused", str(sum(session.orders_refused.values())), limits)
    failed = ", ".join(f"{name} {count}" for name, count in session.orders_failed.most_common(3))
    table.add_row("orders failed", str(sum(session.orders_failed.values())), failed)
    memory = figures["memory"]
    table.add_row("memory of the stages", f"{memory['pss_mib']} MiB", f"PSS of {memory['processes']} processes")
    table.add_row("records lost on rings", str(figures["lost_records"]), "")
    return table


def legs(session: Session) -> Table:
    """Return the latency of every leg."""
    table = _table("latency", "leg", "samples", "p50", "p99", ratios=(5, 2, 2, 2))
    for leg in (*LEGS, HOT, WAITED):
        values = session.legs[leg]
        times = (_duration(percentile(values, share)) if values else "–" for share in (0.5, 0.99))
        table.add_row(leg, str(len(values)), *times)
    return table


def _duration(nanos: int) -> str:
    return f"{nanos / 1e6:.2f} ms" if nanos < 10**9 else f"{nanos / 1e9:.2f} s"


def sol(lamports: int) -> str:
    """Return lamports as SOL with six decimals, cut off: the exact ones are in the journal."""
    whole, _, part = exact_sol(lamports).partition(".")
    return f"{whole}.{part[:6]:0<6}"


def short(key: bytes) -> str:
    """Return a key as the first and last four characters of its base58 text."""
    whole = base58(key)
    return f"{whole[:4]}…{whole[-4:]}"


def _table(title: str, *columns: str, ratios: Sequence[int] = ()) -> Table:
    """Return a table of the view's width; the last column gets half as much again unless *ratios* says otherwise."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, width=WIDTH, pad_edge=False)
    shares = ratios or (*(2 for _ in columns[1:]), 3)
    for column, share in zip(columns, shares, strict=True):
        table.add_column(column, no_wrap=True, overflow="ellipsis", ratio=share)
    return table
