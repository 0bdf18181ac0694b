"""Measures what bench/README.md claims, on this machine.

    python -m bench [NAME...] [--quick] [--runs N] [--json FILE]

Each figure is min / median / max over the runs, with the target and, where there is one, the limit or the peer measured
beside it. Without names all benches run; a bench whose server is not installed says so.
"""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
import time
from pathlib import Path
from types import ModuleType

from bench.figures import Effort, Report, machine
from bench.servers import NotInstalledError

BENCHES = (
    "decode",
    "stages",
    "detectors",
    "asset_detectors",
    "peers",
    "step",
    "operands",
    "overrides",
    "journal",
    "replay",
    "reload",
    "startup",
    "ingest",
    "latency",
    "rates",
    "delivery",
    "broker",
    "archive",
    "backtest",
    "flood",
    "machine",
)
RUNS = 3
EXIT_USE = 2
EXIT_STOPPED = 143


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(BENCHES)}")
    parser.add_argument("--quick", action="store_true", help="show that all still works: two minutes, rough figures")
    parser.add_argument("--runs", type=int, default=0, help=f"how often each figure is taken (default {RUNS}, quick 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there; - prints them instead")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in BENCHES]
    if unknown:
        print(f"a bench is one of {', '.join(BENCHES)}, got {', '.join(unknown)}", file=sys.stderr)
        return EXIT_USE
    effort = Effort(given.quick, given.runs or (1 if given.quick else RUNS))
    printing = given.json is None or str(given.json) != "-"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_STOPPED))  # so that servers are ended too
    about = machine()
    if printing:
        print(", ".join(f"{key} {value}" for key, value in about.items()), flush=True)
    reports = [_run(name, effort, printing=printing) for name in given.names or BENCHES]
    found = json.dumps({"machine": about, "benches": [one.as_json() for one in reports]}, ensure_ascii=False, indent=1)
    if not printing:
        print(found)
    elif given.json:
        given.json.write_text(found + "\n", encoding="utf-8")
    return 0


def _run(name: str, effort: Effort, *, printing: bool) -> Report:
    begun_s = time.monotonic()
    module: ModuleType = importlib.import_module(f"bench.{name}")
    try:
        report: Report = module.run(effort)
    except NotInstalledError as error:
        report = Report(name, f"not measured: {error}")
    report.detail["took"] = f"{time.monotonic() - begun_s:.0f} s, {effort.runs} runs"
    if printing:
        print(f"\n{report.text()}", flush=True)
    return report


if __name__ == "__main__":
    sys.exit(main())
