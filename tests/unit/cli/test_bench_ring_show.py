"""What `bench ring` measured is shown whole: in 80 columns, and in a picture of 720 pixels."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from sniperforge_cli.bench_ring_show import drawn, number, table

SVG = "{http://www.w3.org/2000/svg}"


def row(rate: float, p50_us: float, ratio: list[float] | None = None, *, complete: bool = True) -> dict[str, Any]:
    """One transport of a report, with wide numbers."""
    measured = {"rate": rate, "p50_us": p50_us, "p99_us": 336_831.2, "p999_us": 1_340_548.2, "cpu_us": 1234.5}
    return {**measured, "complete": complete} | ({"ring_ratio": ratio} if ratio else {})


def report(*, rate: int = 0) -> dict[str, Any]:
    """A report with every kind of row."""
    return {
        "machine": {"system": "Linux 6.18.44-amd64 x86_64", "python": "3.11.7", "cores": 2, "load_1m": 3.92},
        "others": {"cores": 0.84, "stolen_cores": 0.02, "runs": 35, "runs_disturbed": 21},
        "size": 256, "consumers": 8, "rate": rate, "seconds": 1.0, "rounds": 5,
        "absent": {"nats": "no program nats-server; Debian has it as a package of that name"},
        "networked": ["redis"],
        "versions": {"pyzmq": "pyzmq 27.3.0", "faster-fifo": "fifo 1.5.2", "faster-fifo-drained": "fifo 1.5.2"},
        "in_process_ns": 141.2,
        "futex_floor_p50_us": 29.4 if rate else None,
        "transports": {
            "ring": row(12_284_355, 31.6),
            "ring-spinning": row(9_374_718, 12.4, [1.19, 1.17, 1.21]),
            "multiprocessing.Queue": row(83_340, 95_053.8, [1_234.5, 999.96, 2_345.6]),
            "pyzmq": row(536_908, 60.3, [0.429, 0.41, 0.99]),
            "faster-fifo": row(46_918, 51.0, complete=False),
            "redis": row(151_917, 167.8, [17.65, 12.0, 19.94]),
        },
    }  # fmt: skip


@pytest.mark.parametrize("rate", [0, 20_000])
def test_the_table_fits_a_terminal(rate: int) -> None:
    assert max(len(line) for line in table(report(rate=rate))) <= 80


def test_a_row_says_everything_in_its_columns() -> None:
    lines = table(report(rate=2000))
    assert lines[1] == "1 -> 8, 256 B, 2,000 msg/s, 5 x 1 s, medians"
    assert " ".join(lines[2].split()) == "transport msg/s p50 us p99 us p99.9 us cpu us p50: ring / it"
    assert next(line for line in lines if line.startswith("pyzmq")).split() == [
        "pyzmq", "536,908", "60.3", "336831", "1340548", "1234", "0.43", "(0.41-0.99)",
    ]  # fmt: skip
    assert next(line for line in lines if line.startswith("faster-fifo ")).split()[-1] == "INCOMPLETE"
    assert next(line for line in lines if line.startswith("ring ")).endswith(" 1234")


def test_what_a_reader_must_know_stands_below() -> None:
    text = " ".join(line.strip() for line in table(report(rate=2000)))
    assert "others used 0.84 cores, the host took 0.02 (medians); 21 of 35 runs beside more than half a core" in text
    assert "bare C futex wake: p50 29.4 us; the ring is 1.07 of it" in text
    assert "publish and read take 141 ns" in text
    assert "redis * 151,917" in re.sub(" +", " ", text)
    assert "* a broker: also networked" in text
    assert "measured: pyzmq 27.3.0, fifo 1.5.2 not measured" in text
    assert "not measured: nats: no program nats-server" in text
    assert "how to get them: sniperforge bench ring --help" in text
    assert "INCOMPLETE: a message was lost" in text


def test_what_did_not_happen_is_not_explained() -> None:
    whole = report() | {"networked": [], "versions": {}, "absent": {}}
    whole["transports"] = {"ring": row(1, 1.0)}
    text = "\n".join(table(whole))
    assert "1 -> 8, 256 B, as fast as it goes" in text
    for word in ("INCOMPLETE", "broker", "measured", "futex", "spinning", "--help"):
        assert word not in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.00"),
        (0.429, "0.43"),
        (9.994, "9.99"),
        (9.996, "10.0"),
        (99.94, "99.9"),
        (99.96, "100"),
        (1e6, "1000000"),
    ],
)
def test_a_number_has_three_digits_that_matter(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize("rate", [0, 20_000])
def test_the_picture_holds_what_it_draws(rate: int) -> None:
    """Bars and labels stay inside 720 pixels, at eight pixels a letter, more than a usual font takes."""
    picture = ElementTree.fromstring(drawn(report(rate=rate)))
    assert picture.get("width") == "720"
    bars = picture.findall(f"{SVG}rect")
    assert len(bars) == 6
    for bar in bars:
        assert float(bar.get("x", "nan")) + float(bar.get("width", "nan")) <= 500
    for text in picture.findall(f"{SVG}text"):
        letters, x = len(text.text or ""), float(text.get("x", "nan"))
        if text.get("text-anchor") == "end":
            assert x - letters * 8 > 0
        else:
            assert x + letters * (7 if text.get("class") == "s" else 8) <= 720
        assert float(text.get("y", "nan")) < float(picture.get("height", "nan"))


def test_the_best_comes_first_and_the_incomplete_last() -> None:
    def names(rate: int) -> list[str]:
        texts = [text.text or "" for text in ElementTree.fromstring(drawn(report(rate=rate))).findall(f"{SVG}text")]
        return [text for text in texts if text.removesuffix(" *") in report()["transports"]]

    rest = ["redis *", "multiprocessing.Queue", "faster-fifo"]
    assert names(0) == ["ring", "ring-spinning", "pyzmq", *rest]
    assert names(2000) == ["ring-spinning", "ring", "pyzmq", *rest]


def test_the_floor_is_drawn_where_it_is() -> None:
    paced = report(rate=2000)
    assert "bare C futex wake: 29.4 µs" in drawn(paced)
    assert "bare C futex wake" not in drawn(report())
    near = {"ring": row(1, 30.0)}
    assert 'text-anchor="end">bare C futex wake' in drawn(paced | {"transports": near, "consumers": 1})
    assert "one producer, one consumer" in drawn(paced | {"consumers": 1})
