"""Whoever is killed where: no torn record, no loss on ORDERED, no deadlock, no second delivery.

The protocol's own headers, compiled with hooks at every SYNC POINT and driven by
real processes that are killed there; the same code between threads under
ThreadSanitizer; and each known mistake, compiled in, must make a proof fail.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCES = Path(__file__).parents[3] / "sniperforge" / "shm"
CC = shutil.which("cc") or shutil.which("gcc")
#: Kills per point; the full matrix of 10,000 is RING_KILLS=500.
KILLS = int(os.environ.get("RING_KILLS", "40"))

pytestmark = [
    pytest.mark.skipif(CC is None, reason="no C compiler: the proofs are C programs"),
    pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no /dev/shm: the proofs map a segment there"),
]

Builder = Callable[..., Path]


def hook_points() -> dict[str, int]:
    """Return the points in the order of their enum, as sync.h declares them."""
    body = re.search(r"enum ring_hook_point \{(.*?)\};", (SOURCES / "sync.h").read_text(), re.DOTALL)
    assert body is not None
    return {name: number for number, name in enumerate(re.findall(r"\bHOOK_\w+", body[1]))}


POINTS = hook_points()
PRODUCER_POINTS = [
    "INTENT_STORED", "CLAIMED", "COPYING", "COPIED", "BETWEEN_STAMPS", "COMMITTED", "BEFORE_WAKE", "SEAT_OWNED",
    "LOCKED", "REPAIRING",
]  # fmt: skip
CONSUMER_POINTS = ["DRAINED", "ACKNOWLEDGED", "SEAT_OWNED", "SEAT_JOINING", "LOCKED"]
GROUP_POINTS = [
    "DRAINED", "ACKNOWLEDGED", "SEAT_OWNED", "LOCKED", "MEMBER_TENTATIVE", "MEMBER_CLAIMED", "ADOPTING",
]  # fmt: skip
MATRIX = (
    [("producer", point) for point in PRODUCER_POINTS]
    + [("consumer", point) for point in CONSUMER_POINTS]
    + [("group", point) for point in GROUP_POINTS]
)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Compile a proof once per set of options."""
    folder, built = tmp_path_factory.mktemp("proofs"), dict[tuple[str, ...], Path]()

    def compiled(source: str, *options: str) -> Path:
        key = (source, *options)
        if key not in built:
            target = folder / f"{source}-{len(built)}"
            command = [str(CC), "-std=c11", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-unused-function",
                       f"-I{SOURCES}", "-pthread", *options, str(HERE / f"{source}.c"), "-o", str(target)]  # fmt: skip
            subprocess.run(command, check=True, capture_output=True)
            built[key] = target
        return built[key]

    return compiled


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a proof in its own session, bounded, its children dying with it."""
    command = [str(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, start_new_session=True, check=False)


def test_every_point_is_in_the_matrix() -> None:
    """A new SYNC POINT without a kill would go unproved."""
    assert {f"HOOK_{point}" for _, point in MATRIX} == set(POINTS) - {"HOOK_NONE", "HOOK_LAST"}


@pytest.mark.parametrize(("role", "point"), MATRIX)
def test_a_kill_at_this_point_harms_nobody(role: str, point: str, build: Builder) -> None:
    """Killed there again and again; the living lose nothing, see nothing torn or twice, and go on."""
    done = run(build("kill_matrix", "-DRING_HOOKS"), role, str(POINTS[f"HOOK_{point}"]), str(KILLS), "7")
    assert done.stdout.startswith("ok "), done.stdout
    assert int(done.stdout.split()[1]) > 0, "nobody was killed"


def test_a_lapped_reader_is_told_its_loss_to_the_record(build: Builder) -> None:
    """LOSSY: writers pause in mid-copy and lap the reader: received + lost = sent, nothing torn."""
    done = run(build("kill_matrix", "-DRING_HOOKS"), "lossy", "2")
    assert done.stdout.startswith("ok "), done.stdout
    assert int(done.stdout.split()[3]) > 0, "the reader was never lapped"


def test_threads_race_nowhere(build: Builder) -> None:
    """ThreadSanitizer sees three writers and three readers and has nothing to say."""
    try:
        program = build(
            "stress", "-fsanitize=thread", "-Wno-tsan", "-mcx16" if os.uname().machine == "x86_64" else "-O2"
        )
    except subprocess.CalledProcessError:
        pytest.skip("this compiler has no ThreadSanitizer")
    done = run(program, "threads", "2")
    if "unexpected memory mapping" in done.stderr:
        pytest.skip("ThreadSanitizer does not run under this kernel's address layout")
    assert "data race" not in done.stderr
    assert done.stdout.startswith("ok "), done.stdout + done.stderr


def test_no_wake_up_is_lost(build: Builder) -> None:
    """Two processes hand a record to and fro, arming in the moment the other commits."""
    done = run(build("stress", "-DRING_HOOKS"), "wake", "2")
    assert done.stdout.startswith("ok "), done.stdout


@pytest.mark.parametrize(
    ("mutation", "source", "arguments"),
    [
        ("NO_INFLIGHT", "kill_matrix", ("lossy", "4")),
        ("CLAIM_FIRST", "kill_matrix", ("producer", str(POINTS["HOOK_CLAIMED"]), "50", "1")),
        ("PUBLISHED_BEFORE_OWNED", "kill_matrix", ("consumer", str(POINTS["HOOK_SEAT_JOINING"]), "20", "1")),
        ("NO_FENCE", "stress", ("wake", "5")),
    ],
)
def test_a_mutation_is_caught(mutation: str, source: str, arguments: tuple[str, ...], build: Builder) -> None:
    """The proofs bite: each mistake that looks right fails one of them."""
    done = run(build(source, f"-DRING_MUTATION_{mutation}", "-DRING_HOOKS"), *arguments)
    assert done.returncode != 0
    assert "FAILED" in done.stdout
