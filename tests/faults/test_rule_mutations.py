"""Small faults in the rules and in the life of alarms, chosen by a seed: a quick suite finds each of them.

The few that it does not find change nothing that can be observed; each says why.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.harness.lives import ROOT
from tests.faults.harness.mutant import Mutant, copied
from tests.faults.harness.mutator import mutants, unchanged
from tests.faults.harness.tell import Tell

SEED = 20261128
LIFE = "tests/scenarios/life"
DELAYS = tuple(f"tests/scenarios/test_{theme}.py" for theme in ("delays", "since", "bad_data", "changes"))
MACHINE = (
    *(f"tests/rules/test_{part}.py" for part in ("alarm_machine", "alarm_ids", "timers")),
    LIFE,
    *(f"tests/pipeline/test_{part}.py" for part in ("reconcile", "suppression", "findings", "flags")),
    *DELAYS,
)
GRADES = ("tests/rules/test_grading.py", "tests/rules/test_evidence.py", *DELAYS, LIFE)
WORDS = ("tests/rules/test_language.py", "tests/rules/test_possible.py", "tests/rules", *DELAYS)

#: file -> how many faults, and the tests that look for them
FILES: dict[str, tuple[int, tuple[str, ...]]] = {
    "rules/alarm_machine.py": (14, MACHINE),
    "rules/alarm_event.py": (2, MACHINE),
    "rules/transitions.py": (4, MACHINE),
    "rules/flags.py": (12, MACHINE),
    "rules/timers.py": (6, MACHINE),
    "rules/grading.py": (8, GRADES),
    "rules/evidence.py": (5, GRADES),
    "rules/language.py": (4, WORDS),
    "rules/reader.py": (3, WORDS),
    "rules/possible.py": (2, WORDS),
}
ALL = [(mutant, tests) for file, (number, tests) in FILES.items() for mutant in mutants(file, number, SEED)]

#: fault -> why nobody can see it
EQUIVALENT: dict[str, str] = {
    "rules/flags.py Flags.hides: return '' left out": "a shorter way: where no flag is on, the way round finds none",
    "rules/grading.py grade_time: 0 one more #4": "an on-delay of one nanosecond is as good as none",
    "rules/timers.py Timers._push: 2 one more": "when the heap is cleared of what is over; what it holds is the same",
}

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1200)]
Judge = Callable[[Path, tuple[str, ...]], int]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    """Runs the tests of a copy; answers with pytest's exit status, or minus the signal that ended it."""
    command = [sys.executable, str(ROOT / "tests" / "faults" / "harness" / "judge.py")]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ask(folder: Path, tests: tuple[str, ...]) -> int:
        process.stdin.write("\t".join([str(folder), *tests]) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield ask
    process.stdin.close()
    process.wait()


@pytest.mark.parametrize(("mutant", "tests"), ALL, ids=[mutant.name for mutant, _ in ALL])
def test_the_fault_is_found(mutant: Mutant, tests: tuple[str, ...], judge: Judge, tmp_path: Path, tell: Tell) -> None:
    began = time.monotonic()
    found = judge(copied(tmp_path / "copy", mutant), tests) != 0
    tell(f"{'found' if found else 'not found'} in {time.monotonic() - began:.0f} s")
    assert found == (mutant.name not in EQUIVALENT), EQUIVALENT.get(mutant.name, "nobody noticed")


@pytest.mark.parametrize("file", FILES)
def test_without_a_fault_the_suite_finds_none(file: str, judge: Judge, tmp_path: Path) -> None:
    assert judge(copied(tmp_path / "copy", unchanged(file)), FILES[file][1]) == 0


def test_there_are_enough_faults_and_few_that_nobody_can_see() -> None:
    assert len(ALL) >= 50
    assert EQUIVALENT.keys() <= {mutant.name for mutant, _ in ALL}
    assert len(EQUIVALENT) <= len(ALL) / 8
