"""A program that imports everything once and then forks pipelines, so that hundreds of lives can be begun and ended.

``start`` on standard input forks one and answers with its process id; ``reap PID`` waits for its end and answers with
its exit status. A child runs exactly what ``fengsui pipeline`` runs. At the end of the input every child is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

import connectors.mqtt.readings  # noqa: F401 - imported here, so that the children need not
from app.cli import processes
from app.jobs.warm import warm


def main(config: Path, log: Path) -> None:
    warm()
    alive: set[int] = set()
    _answer("ready")
    for line in sys.stdin:
        match line.split():
            case ["start"]:
                child = os.fork()
                if child == 0:
                    _live(config, log)
                alive.add(child)
                _answer(child)
            case ["reap", pid]:
                _, status = os.waitpid(int(pid), 0)
                alive.discard(int(pid))
                _answer(os.waitstatus_to_exitcode(status))
    for pid in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _answer(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _live(config: Path, log: Path) -> None:
    """The child's whole life; it never returns."""
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    code = 1
    try:
        processes.pipeline(config)
        code = 0
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this process and not the nursery
        sys.stderr.write(f"life ended by {error!r}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
