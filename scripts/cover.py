"""Coverage of every module by its own twin test: `make cover`.

A line that only another module's test happens to run is not tested. For each
module with a twin under tests/unit/ the twin runs alone and what it covers of
its module is printed; the exit code is 1 when a module named on the command
line (all with a twin, by default) stays below 100 %.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def twins() -> dict[Path, Path]:
    """Return module -> twin test for every module that has one."""
    found = {}
    for module in sorted((ROOT / "sniperforge").rglob("*.py")):
        twin = ROOT / "tests" / "unit" / module.parent.relative_to(ROOT / "sniperforge") / f"test_{module.name}"
        if twin.exists():
            found[module] = twin
    return found


def covered(module: Path, twin: Path) -> tuple[int, int, list[int]]:
    """Return (lines that ran, lines that can run, missing lines) of *module* under its *twin*."""
    with tempfile.TemporaryDirectory() as folder:
        data, report = Path(folder) / "data", Path(folder) / "report.json"
        run = [sys.executable, "-m", "coverage"]
        subprocess.run(
            [*run, "run", f"--data-file={data}", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(twin)],
            cwd=ROOT,
            check=False,
            capture_output=True,
        )
        subprocess.run(
            [*run, "combine", "-q", f"--data-file={data}", folder], cwd=ROOT, check=False, capture_output=True
        )
        subprocess.run(
            [*run, "json", "-q", f"--data-file={data}", "-o", str(report)], cwd=ROOT, check=False, capture_output=True
        )
        if not report.exists():
            return 0, 1, []
        entry = json.loads(report.read_text())["files"][str(module.relative_to(ROOT))]
        summary = entry["summary"]
        return summary["covered_lines"], summary["num_statements"], entry["missing_lines"]


def main() -> int:
    wanted = {Path(name).resolve() for name in sys.argv[1:]}
    short = 0
    for module, twin in twins().items():
        if wanted and module not in wanted:
            continue
        ran, total, missing = covered(module, twin)
        short += ran < total
        lines = f"  missing {missing}" if missing else ""
        print(f"{100 * ran // max(total, 1):4d} %  {module.relative_to(ROOT)}{lines}", flush=True)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
