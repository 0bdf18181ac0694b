"""Every set of recordings through ``fengsui evaluate``, judged by the data's own ``score.py``.

    python -m bench.detection [--data ../shared/data] [SET ...] [--keep FOLDER]

Nothing is set per file or set: the shipped pack whose channel map fits judges. A set without such a pack says so.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
SETS = (
    "metec_gas",
    "transient_leaks",
    "water_leaks",
    "nist_fire",
    "nist_smoke_alarms",
    "skab",
    "tep",
    "nab",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.detection", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS, metavar="SET")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--keep", type=Path, help="keep the alarms (CSV) in this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name in given.sets:
            print(judged(given.data, name, folder / f"{name}.csv"), flush=True)


def judged(data: Path, name: str, alarms: Path) -> str:
    """What ``score.py`` says of a set, in its own words."""
    begun_s = time.monotonic()
    command = [sys.executable, "-m", "app.cli", "evaluate", str(data / name), "--out", str(alarms), "--lang", "en"]
    played = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if played.returncode:
        return f"{name}: not evaluated: {played.stderr.strip()}"
    took_s = time.monotonic() - begun_s
    score = [sys.executable, str(data / "score.py"), name, str(alarms)]
    said = subprocess.run(score, capture_output=True, text=True, check=True).stdout.rstrip()
    return f"{said}\n  evaluated in {took_s:.1f} s"


if __name__ == "__main__":
    main()
