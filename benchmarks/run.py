"""Runs every benchmark, each side by side with its peer in the same run: `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run each bench.py in a process of its own; exit 1 when any stops with an error."""
    failed = 0
    for bench in sorted(HERE.glob("*/bench.py")):
        print(f"── {bench.parent.name}", flush=True)
        failed += subprocess.run([sys.executable, str(bench)], check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
