"""Runs every validation study on the public data, in order, and sums up: `make conformance` and `make validate`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIPPED = 77
"""How a study ends whose data may not be handed on and are not installed."""


def main() -> int:
    """Run each study.py in a process of its own; exit 1 when any falls under its floor."""
    data = Path(os.environ.get("DATA", HERE.parent.parent / "shared" / "data")).resolve()
    if not data.is_dir():
        print(f"no data at {data}: give the folder of the public data as DATA=…", file=sys.stderr)
        return 2
    quick = ["--quick"] if "--quick" in sys.argv else []
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "DATA": str(data)}  # small matrices: threads only wait
    passed = failed = skipped = 0
    for study in sorted(HERE.glob("*/study.py")):
        print(f"── {study.parent.name}", flush=True)
        begun = time.monotonic()
        code = subprocess.run([sys.executable, str(study), *quick], env=environment, check=False).returncode
        passed, skipped = passed + (code == 0), skipped + (code == SKIPPED)
        failed += code not in {0, SKIPPED}
        word = {0: "holds", SKIPPED: "skipped, its data are not here"}.get(code, f"FALLS SHORT (exit {code})")
        print(f"   {study.parent.name}: {word}, {time.monotonic() - begun:.0f} s", flush=True)
    print(f"validation: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
