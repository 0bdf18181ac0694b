"""A program that imports what no fault touches once, and then forks a run of pytest for each copy of the program.

A line of standard input is a folder and arguments of pytest, apart by tabs; the answer is the exit status, or minus the
signal that ended it.
"""

from __future__ import annotations

import os
import resource
import sys
import traceback
from pathlib import Path

import pytest

import detectors  # noqa: F401

CPU_S_MAX = 400  # a fault that makes a kernel run for ever


def main() -> None:
    for line in sys.stdin:
        folder, *arguments = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            _judge(Path(folder), arguments)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _judge(folder: Path, arguments: list[str]) -> None:
    """The child's whole life; it never returns."""
    code = 99
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S_MAX, CPU_S_MAX + 10))
        with (folder / "judged").open("wb") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
        os.environ["SCENARIOS_ONCE"] = "1"
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        sys.dont_write_bytecode = True
        code = int(pytest.main(["-x", "-q", "--no-header", "-p", "no:cacheprovider", "--timeout=120", *arguments]))
    except BaseException:  # noqa: BLE001 - whatever it is, it ends this process and not the judge
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


main()
