"""A process that hangs is killed, begun again and said so; systemd is told what it needs to know."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from app.notify import READY, systemd
from app.pulse import SILENCE_S_MAX, Listener, giver
from tests.app.test_supervise import pid_of, running
from tests.faults.harness.site import make_site
from tests.servers import until

SOON_S = 60.0


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0)
        self.heard: list[str] = []

    def lines(self) -> list[str]:
        """Everything that was told so far."""
        try:
            while True:
                self.heard += self._socket.recv(4096).decode().split("\n")
        except BlockingIOError:
            return self.heard

    def close(self) -> None:
        self._socket.close()


def test_given_a_process_that_stands_still_it_is_killed_and_begun_again_and_systemd_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = Systemd(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    site = make_site(tmp_path / "site", broker_port=9)
    with running(site) as supervisor:
        until(lambda: manager.lines().count("WATCHDOG=1") >= 3, "the watchdog is fed", SOON_S)
        assert manager.lines()[0] == "READY=1"
        hung = pid_of(site, "pipeline")
        os.kill(hung, signal.SIGSTOP)
        begun_s = time.monotonic()
        until(lambda: site.says("process hangs; killed"), "it is killed", SOON_S)
        assert time.monotonic() - begun_s >= SILENCE_S_MAX - 2
        until(lambda: pid_of(site, "pipeline") != hung, "another one", SOON_S)
        fed = manager.lines().count("WATCHDOG=1")
        until(lambda: manager.lines().count("WATCHDOG=1") > fed, "fed again", SOON_S)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(40) == 0
    assert manager.lines()[-1] == "STOPPING=1"
    assert manager.lines().count("READY=1") == 1
    manager.close()


def test_a_pulse_is_heard_and_its_absence_counts_from_the_last_one() -> None:
    listener = Listener()
    give = giver(os.dup(listener.writer))
    listener.begun()
    assert listener.silent_s(1000.0) == 0
    give()
    assert listener.silent_s(1001.0) == 0
    assert listener.silent_s(1011.0) == 10
    assert listener.silent_s(1100.0, was_away=True) == 0
    listener.close()


def test_a_pulse_to_nobody_does_no_harm() -> None:
    reader, writer = os.pipe()
    give = giver(writer)
    for _ in range(70_000):
        give()
    os.close(reader)
    give()
    giver(-1)()
    os.close(writer)


def test_without_systemd_nobody_is_told_and_one_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    systemd("")(READY)
    systemd(str(tmp_path / "nobody"))(READY)


def test_an_abstract_socket_is_reached() -> None:
    name = f"fengsui-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(f"\0{name}")
        other.settimeout(10)
        systemd(f"@{name}")(READY)
        assert other.recv(100) == b"READY=1"
