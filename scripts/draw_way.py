"""Draw docs/way-of-one-event.svg: the way of one event from the socket to the chain.

The boxes are the stages, the arrows the rings, and under each box stands what it
may never do. Run it after the stages or rings change: `python scripts/draw_way.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

TARGET = Path(__file__).resolve().parent.parent / "docs" / "way-of-one-event.svg"
BOX_WIDTH, BOX_HEIGHT, GAP, TOP, LEFT = 158, 96, 62, 92, 112


@dataclass(frozen=True)
class Stage:
    """One box: its name, what it does, what it must never do, and the ring that leaves it."""

    name: str
    does: tuple[str, str, str]
    never: str
    out: str


STAGES = (
    Stage("feed", ("races endpoints,", "drops duplicates,", "keeps the gap ledger"), "parses JSON", "frames"),
    Stage(
        "detect", ("who emitted it?", "decodes five venues,", "believes or refuses"), "asks the network first", "market"
    ),
    Stage("snipe × N", ("filters, sizes,", "proposes entries", "and exits"), "holds a key", "intents"),
    Stage("coordinate", ("limits, journal,", "builds, signs, sends,", "confirms"), "sends twice", "sockets"),
)


def main() -> None:
    """Write the picture."""
    width = LEFT + len(STAGES) * (BOX_WIDTH + GAP) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 300" role="img" '
        'aria-label="The way of one event: feed, detect, snipe, coordinate, joined by rings">',
        "<style>text{font:13px system-ui,sans-serif;fill:#1c2733}.n{font-weight:700;font-size:16px}"
        ".s{font-size:11.5px;fill:#4a5a6a}.x{font-size:11px;fill:#a33}.b{fill:#f4f7fb;stroke:#2f6db3;stroke-width:1.6}"
        ".l{stroke:#2f6db3;stroke-width:1.8;fill:none}"
        ".f{stroke:#3b8a5a;stroke-width:1.6;fill:none;stroke-dasharray:5 4}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf5}.s{fill:#a9b8c8}.x{fill:#f08080}.b{fill:#1b2633}}</style>",
        '<defs><marker id="a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L10 5L0 10z" fill="#2f6db3"/></marker></defs>',
        f'<text class="n" x="{LEFT - 100}" y="30">The way of one event</text>',
        f'<text class="s" x="{LEFT - 100}" y="50">Every box is a process, every arrow between boxes a shared-memory '
        "ring; in a shell pipe the same boxes speak one JSON object a line.</text>",
        _arrow(LEFT - 84, LEFT - 4, "frames", "WebSocket"),
    ]
    for index, stage in enumerate(STAGES):
        parts += _box(LEFT + index * (BOX_WIDTH + GAP), stage)
    parts += _fills()
    parts += [
        f'<text class="s" x="{LEFT}" y="284">supervisor: forks, pins, restarts and drains every one of them  ·  '
        "journal (SQLite): written before the first byte leaves</text>",
        "</svg>",
    ]
    TARGET.write_text("\n".join(parts) + "\n")


def _box(x: int, stage: Stage) -> list[str]:
    parts = [
        f'<rect class="b" x="{x}" y="{TOP}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="9"/>',
        f'<text class="n" x="{x + 12}" y="{TOP + 24}">{escape(stage.name)}</text>',
    ]
    parts += [
        f'<text class="s" x="{x + 12}" y="{TOP + 44 + 16 * row}">{escape(line)}</text>'
        for row, line in enumerate(stage.does)
    ]
    parts.append(f'<text class="x" x="{x + 12}" y="{TOP + BOX_HEIGHT + 17}">never {escape(stage.never)}</text>')
    kind = "ring" if stage.out != "sockets" else "orders"
    return [*parts, _arrow(x + BOX_WIDTH + 2, x + BOX_WIDTH + GAP - 4, kind, stage.out)]


def _arrow(start: int, end: int, above: str, below: str) -> str:
    y = TOP + BOX_HEIGHT // 2
    middle = (start + end) // 2
    return (
        f'<path class="l" d="M{start} {y}L{end} {y}" marker-end="url(#a)"/>'
        f'<text class="s" x="{middle}" y="{y - 8}" text-anchor="middle">{escape(above)}</text>'
        f'<text class="s" x="{middle}" y="{y + 18}" text-anchor="middle">{escape(below)}</text>'
    )


def _fills() -> list[str]:
    """The way back: fills and positions return to the bots (and to detect, which keeps their pools in sight)."""
    start = LEFT + 3 * (BOX_WIDTH + GAP) + BOX_WIDTH // 2
    end = LEFT + 2 * (BOX_WIDTH + GAP) + BOX_WIDTH // 2
    floor, foot = TOP + BOX_HEIGHT + 52, TOP + BOX_HEIGHT + 24
    return [
        f'<path class="f" d="M{start} {foot}V{floor}H{end}V{foot}" marker-end="url(#a)"/>',
        f'<text class="s" x="{(start + end) // 2}" y="{floor + 16}" text-anchor="middle">fills: '
        "orders landed, positions, PnL</text>",
    ]


if __name__ == "__main__":
    main()
