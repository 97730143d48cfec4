"""Build dist/sniperforge, one frozen executable, and try it.

The stages are forked, never re-executed, so the one-file form's temporary folder
lives exactly as long as the command does.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import PyInstaller.__main__  # type: ignore[import-untyped]  # ships no types

ROOT = Path(__file__).resolve().parent.parent
#: Present in a developer's environment, never needed by a user; each costs size or start-up time.
EXCLUDED = (
    *("setuptools", "pkg_resources", "pip", "tkinter", "test", "idlelib", "lib2to3"),
    *("pytest", "hypothesis", "mypy", "coverage", "IPython", "numpy", "solana", "PyInstaller"),
)


def main(target: Path = ROOT / "dist") -> int:
    """Build into *target*, then run `--version` and `--help` of what was built."""
    data = ROOT / "sniperforge" / "chain" / "localnet" / "programs"
    arguments = ["--onefile", "--name", "sniperforge", "--noconfirm", "--clean", "--log-level", "WARN"]
    arguments += ["--distpath", str(target), "--workpath", str(target / "work")]
    arguments += ["--specpath", str(target / "work"), "--paths", str(ROOT), "--paths", str(ROOT / "cli")]
    for package in ("sniperforge", "sniperforge_cli", "rich._unicode_data"):
        arguments += ["--collect-submodules", package]
    for package in EXCLUDED:
        arguments += ["--exclude-module", package]
    arguments += [
        "--add-data",
        f"{data}:sniperforge/chain/localnet/programs",
        str(ROOT / "scripts" / "frozen_entry.py"),
    ]
    PyInstaller.__main__.run(arguments)
    binary = target / "sniperforge"
    for verb in ("--version", "--help"):
        subprocess.run([str(binary), verb], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(target / "work")
    print(f"{binary}: {binary.stat().st_size >> 20} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main(*(Path(folder).resolve() for folder in sys.argv[1:2])))
