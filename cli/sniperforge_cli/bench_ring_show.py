"""What `bench ring` shows: the table for a terminal of 80 columns, and the picture.

report of bench_ring_run.measure -> lines, SVG
"""

from __future__ import annotations

import textwrap
from html import escape
from typing import Any

_COLUMNS = 80
_WIDTH, _BAR_LEFT, _BAR_MAX, _RIGHT = 720, 184, 300, 704  # px
_TOP, _ROW, _BAR = 82, 27, 17  # px


def table(report: dict[str, Any]) -> list[str]:
    """Return the report as lines of at most 80 columns."""
    compared = "p50" if report["rate"] else "rate"
    lines = [
        *_wrapped(_machine(report)),
        *_wrapped(f"{_load(report)}, medians"),
        f"{'transport':<21}{'msg/s':>10}{'p50 us':>8}{'p99 us':>8}{'p99.9 us':>9}{'cpu us':>7} {compared}: ring / it",
    ]
    for name, row in report["transports"].items():
        times = f"{number(row['p50_us']):>8}{number(row['p99_us']):>8}{number(row['p999_us']):>9}"
        cells = f"{_marked(name, report):<21}{row['rate']:>10,.0f}{times}{number(row['cpu_us']):>7} {_verdict(row)}"
        lines.append(cells.rstrip())
    for note in _notes(report):
        lines += _wrapped(note)
    return lines


def _machine(report: dict[str, Any]) -> str:
    facts = report["machine"]
    return f"{facts['system']}, Python {facts['python']}, {facts['cores']} cores, load {facts['load_1m']}"


def _load(report: dict[str, Any]) -> str:
    pace = f"{report['rate']:,} msg/s" if report["rate"] else "as fast as it goes"
    return f"1 -> {report['consumers']}, {report['size']} B, {pace}, {report['rounds']} x {report['seconds']:g} s"


def _marked(name: str, report: dict[str, Any]) -> str:
    return f"{name} *" if name in report["networked"] else name


def _verdict(row: dict[str, Any]) -> str:
    if not row["complete"]:
        return "INCOMPLETE"
    if "ring_ratio" not in row:  # the ring itself; or no round in which both were complete
        return ""
    middle, low, high = (number(value) for value in row["ring_ratio"])
    return f"{middle} ({low}-{high})"


def _notes(report: dict[str, Any]) -> list[str]:
    rows, others = report["transports"], report["others"]
    notes = [
        f"beside it: others used {others['cores']:.2f} cores, the host took {others['stolen_cores']:.2f} (medians); "
        f"{others['runs_disturbed']} of {others['runs']} runs beside more than half a core"
    ]
    if report["futex_floor_p50_us"] is not None:
        ours = rows["ring"]["p50_us"] / max(report["futex_floor_p50_us"], 0.001)
        notes.append(f"bare C futex wake: p50 {report['futex_floor_p50_us']:.1f} us; the ring is {ours:.2f} of it")
    notes.append(f"in one process, without a wake: publish and read take {report['in_process_ns']:.0f} ns")
    if not all(row["complete"] for row in rows.values()):
        notes.append("INCOMPLETE: a message was lost, came out of order, or did not come in time")
    if report["networked"]:
        notes.append("* a broker: also networked, so it does more work than the others")
    if "ring-spinning" in rows:
        notes.append("ring-spinning needs a core of its own")
    if report["versions"]:
        notes.append(f"measured: {', '.join(dict.fromkeys(report['versions'].values()))}")
    notes += [f"not measured: {name}: {reason}" for name, reason in report["absent"].items()]
    if report["absent"]:
        notes.append("how to get them: sniperforge bench ring --help")
    notes.append("Ours does not do: disk, network, several users. p99 on a shared machine is indicative only.")
    return notes


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _COLUMNS, subsequent_indent="  ", break_on_hyphens=False)


def number(value: float) -> str:
    """Return *value* with three digits that matter, whole from a hundred on: 0.42, 18.3, 520, 12345."""
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def drawn(report: dict[str, Any]) -> str:
    """Return the medians as an SVG of bars, best first: rate, or p50 where a rate was offered."""
    paced = bool(report["rate"])
    key, unit = ("p50_us", "µs") if paced else ("rate", "/s")
    rows = sorted(
        report["transports"].items(),
        key=lambda item: (not item[1]["complete"], item[1][key] if paced else -item[1][key]),
    )
    floor = report["futex_floor_p50_us"]
    top = max([row[key] for _, row in rows] + [floor or 0.0]) or 1.0
    height = _TOP + _ROW * len(rows) + 54
    what = "Median one-way latency" if paced else "Messages a second"
    title = f"{what}: one producer, {_counted(report['consumers'])}, {report['size']} bytes"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(title)}">',
        "<style>text{font:13px system-ui,sans-serif;fill:#1c2733}.n{font-weight:700;font-size:16px}"
        ".s{font-size:11.5px;fill:#4a5a6a}.o{fill:#2f6db3}.p{fill:#a4b1bf}.b{fill:#cfd8e1}"
        ".i{fill:none;stroke:#a33;stroke-dasharray:4 3}.f{stroke:#3b8a5a;stroke-width:1.6;stroke-dasharray:5 4}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf5}.s{fill:#a9b8c8}.p{fill:#6f7f8f}.b{fill:#465564}}</style>",
        f'<text class="n" x="16" y="28">{escape(title)}</text>',
        f'<text class="s" x="16" y="48">{escape(_load(report))}, medians</text>',
        f'<text class="s" x="{_RIGHT}" y="{_TOP - 8}" text-anchor="end">ring / it (min–max)</text>',
    ]
    for index, (name, row) in enumerate(rows):
        value = f"{number(row[key])} {unit}" if paced else f"{row[key]:,.0f} {unit}"
        parts += _bar(_TOP + _ROW * index, _marked(name, report), row, row[key] / top, value)
    bottom = _TOP + _ROW * len(rows)
    if floor is not None:
        x = _BAR_LEFT + round(floor / top * _BAR_MAX)
        end = ' text-anchor="end"' if x > _WIDTH // 2 else ""
        parts += [
            f'<path class="f" d="M{x} {_TOP - 4}V{bottom}"/>',
            f'<text class="s" x="{x}" y="{_TOP - 8}"{end}>bare C futex wake: {number(floor)} µs</text>',
        ]
    foot = "Blue: this project." + (" * A broker: also networked, it does more work." if report["networked"] else "")
    for line, text in enumerate((foot, _machine(report))):
        parts.append(f'<text class="s" x="16" y="{bottom + 22 + 18 * line}">{escape(text)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _bar(y: int, name: str, row: dict[str, Any], part: float, value: str) -> list[str]:
    kind = "o" if name.startswith("ring") else "b" if name.endswith("*") else "p"
    kind = kind if row["complete"] else "i"
    width, base = max(1, round(part * _BAR_MAX)), y + _BAR - 4
    parts = [
        f'<text x="16" y="{base}">{escape(name)}</text>',
        f'<rect class="{kind}" x="{_BAR_LEFT}" y="{y}" width="{width}" height="{_BAR}" rx="2"/>',
        f'<text x="{_BAR_LEFT + width + 8}" y="{base}">{value}</text>',
    ]
    if verdict := _verdict(row):
        parts.append(f'<text class="s" x="{_RIGHT}" y="{base}" text-anchor="end">{verdict.replace("-", "–")}</text>')
    return parts


def _counted(consumers: int) -> str:
    return "one consumer" if consumers == 1 else f"{consumers} consumers"
