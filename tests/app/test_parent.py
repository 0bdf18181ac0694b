"""What works for a process that is killed does not go on for nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.servers import until

_CHILD = (
    "from app.parent import end_with_parent; import time; end_with_parent(); print('up', flush=True); time.sleep(300)"
)
_PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {_CHILD!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(300)
"""


def _is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_process_ends_when_the_one_that_began_it_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert _is_alive(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not _is_alive(child), "the end of the child", 20)
