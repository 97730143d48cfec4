"""What `bench ring` shows: the table for a terminal of 80 columns, and the picture.

report of bench_ring_run.measure -> lines, SVG
"""

from __future__ import annotations

from typing import Any


def table(report: dict[str, Any]) -> list[str]:
    """Return the report as lines for a terminal."""
    facts = report["machine"]
    load = f"{report['rate']} msg/s" if report["rate"] else "as fast as it goes"
    lines = [
        f"{facts['system']}, Python {facts['python']}, {facts['cores']} cores, load {facts['load_1m']}",
        f"1 -> {report['consumers']}, {report['size']} B, {load}, {report['rounds']} x {report['seconds']} s, medians",
        f"{'transport':<24}{'msg/s':>12}{'p50 us':>10}{'p99 us':>10}{'p99.9 us':>10}{'cpu us':>8}  ring / it (min-max)",
    ]
    for name, row in report["transports"].items():
        ratio = row.get("ring_ratio")
        shown = f"{ratio[0]:.2f} ({ratio[1]:.2f}-{ratio[2]:.2f})" if ratio else ""
        shown += "" if row["complete"] else "  INCOMPLETE: lost or too slow"
        lines.append(
            f"{name:<24}{row['rate']:>12,.0f}{row['p50_us']:>10.1f}{row['p99_us']:>10.1f}"
            f"{row['p999_us']:>10.1f}{row['cpu_us']:>8.2f}  {shown}"
        )
    if report["futex_floor_p50_us"] is not None:
        ours = report["transports"]["ring"]["p50_us"] / max(report["futex_floor_p50_us"], 0.001)
        lines.append(f"bare C futex wake: p50 {report['futex_floor_p50_us']:.1f} us; the ring is {ours:.2f} of it")
    lines.append(f"in one process, without a wake: publish and read take {report['in_process_ns']:.0f} ns")
    if report["absent"]:
        lines.append(f"not installed, not measured: {', '.join(report['absent'])}")
    lines.append("Ours does not do: disk, network, several users. p99 on a shared machine is indicative only.")
    return lines


def drawn(report: dict[str, Any]) -> str:
    """Return the medians as an SVG of bars: rate, or p50 where a rate was offered."""
    key, unit = ("p50_us", "us, p50") if report["rate"] else ("rate", "messages a second")
    rows = [(name, row[key]) for name, row in report["transports"].items()]
    top = max(value for _, value in rows) or 1.0
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{40 + 28 * len(rows)}" '
        f'font-family="sans-serif" font-size="13">',
        f'<text x="10" y="20">1 to {report["consumers"]}, {report["size"]} bytes: {unit}</text>',
    ]
    for index, (name, value) in enumerate(rows):
        y, width = 34 + 28 * index, max(1, round(value / top * 400))
        colour = "#0a7f5a" if name.startswith("ring") else "#8a94a6"
        parts.append(f'<text x="10" y="{y + 15}">{name}</text>')
        parts.append(f'<rect x="180" y="{y}" width="{width}" height="20" fill="{colour}"/>')
        parts.append(f'<text x="{190 + width}" y="{y + 15}">{value:,.1f}</text>')
    return "\n".join([*parts, "</svg>\n"])
