"""Build dist/sniperforge, one frozen executable, and try it.

The stages are forked, never re-executed, so the one-file form's temporary folder
lives exactly as long as the command does.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import PyInstaller.__main__

ROOT = Path(__file__).resolve().parent.parent
#: Present in a developer's environment, never needed by a user; each costs size or start-up time.
EXCLUDED = (
    *("setuptools", "pkg_resources", "pip", "tkinter", "test", "idlelib", "lib2to3"),
    *("pytest", "hypothesis", "mypy", "coverage", "IPython", "numpy", "solana", "PyInstaller"),
)


def main() -> int:
    """Build, then run `--version` and `--help` of what was built."""
    data = ROOT / "sniperforge" / "chain" / "localnet" / "programs"
    arguments = ["--onefile", "--name", "sniperforge", "--noconfirm", "--clean", "--log-level", "WARN"]
    arguments += ["--distpath", str(ROOT / "dist"), "--workpath", str(ROOT / "build" / "binary")]
    arguments += ["--specpath", str(ROOT / "build"), "--paths", str(ROOT), "--paths", str(ROOT / "cli")]
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
    binary = ROOT / "dist" / "sniperforge"
    for verb in ("--version", "--help"):
        subprocess.run([str(binary), verb], check=True, stdout=subprocess.DEVNULL)
    print(f"{binary.relative_to(ROOT)}: {binary.stat().st_size >> 20} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
