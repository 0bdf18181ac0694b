"""Which rule finds which labelled event of the recordings: alone, first, or as well as others.

    python -m bench.alone [--data ../shared/data] [SET ...]

A rule finds an event when it raises an alarm on its series while the event lasts. The alarms are those of
``fengsui evaluate`` with the shipped packs.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bench.detection import ROOT, SETS, judged


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.alone", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS, metavar="SET")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    given = parser.parse_args()
    print(f"{'set':<20}{'rule':<26}{'finds':>6}{'alone':>7}{'first':>7}   of events")
    with tempfile.TemporaryDirectory() as folder:
        for name in given.sets:
            alarms = Path(folder) / f"{name}.csv"
            judged(given.data, name, alarms)
            for line in shares(given.data / name / "labels.csv", alarms):
                print(f"{name:<20}{line}", flush=True)


def shares(labels: Path, alarms: Path) -> Iterator[str]:
    """One line a rule that finds anything."""
    finds, alone, first = Counter[str](), Counter[str](), Counter[str]()
    events = [one for one in _rows(labels) if one["start"] and one["end"]]
    raised = _rows(alarms)
    for event in events:
        begin, end = (datetime.fromisoformat(event[name]) for name in ("start", "end"))
        times: dict[str, datetime] = {}
        for one in raised:
            at = datetime.fromisoformat(one["start"])
            if one["series"] == event["series"] and begin <= at <= end:
                times[one["rule"]] = min(at, times.get(one["rule"], at))
        finds.update(times.keys())
        earliest = [rule for rule, at in times.items() if at == min(times.values())]
        first.update(earliest if len(earliest) == 1 else [])
        alone.update(times.keys() if len(times) == 1 else [])
    for rule, count in finds.most_common():
        yield f"{rule:<26}{count:>6}{alone[rule]:>7}{first[rule]:>7}   {len(events)}"


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


if __name__ == "__main__":
    main()
