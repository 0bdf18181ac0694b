"""A process can be told to end at any moment, also while its main thread holds a lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: The main thread holds the inbox's lock for good when the signal comes, as it does for moments in earnest.
_HOLDS_THE_LOCK = """
import sys, threading
from app.signals import on_stop
from pipeline.ingest.inbox import BoundedInbox

inbox, stopped = BoundedInbox(), threading.Event()

def stop():
    stopped.set()
    inbox.wake()

on_stop(stop)
with inbox._lock:
    print("holding", flush=True)
    assert stopped.wait(20)
assert inbox.take(1, 20) == []
print("ended", flush=True)
"""


def test_given_a_main_thread_that_holds_the_inbox_when_the_signal_comes_it_still_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS_THE_LOCK], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        os.killpg(process.pid, signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert (out, process.returncode) == ("ended\n", 0)
