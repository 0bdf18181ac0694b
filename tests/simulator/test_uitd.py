"""The simulated transmission devices: what their script may say, and that they do it, against the real receiver."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from connectors import gb26875
from connectors.gb26875.receiver import Receiver
from model.connector import Deliveries, Readings
from simulator import __main__ as command
from simulator.uitd import play, script
from tests.checks.sources import BoundedInbox, running
from tests.docs.blocks import ROOT, blocks
from tests.servers import until

DOCUMENTED = next(one.text for one in blocks(ROOT / "docs/simulator.md") if one.text.startswith("devices:"))


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["simulator", "uitd", *words])
    return command.main()


class Centre:
    """A receiver that confirms what comes."""

    def __init__(self, **changed: object) -> None:
        given = {"host": "127.0.0.1", "port": 0, "frame_s_max": 0.3} | changed
        self._settings = gb26875.Settings.model_validate(given)
        source = gb26875.build("panels", self._settings)
        assert isinstance(source, Receiver)
        self.source, self.inbox = source, BoundedInbox()

    @contextlib.contextmanager
    def open(self) -> Iterator[str]:
        """Yields the port."""
        over = threading.Event()

        def confirm() -> None:
            while not over.wait(0.01):
                if self.inbox.taken:
                    self.source.acknowledge(self.inbox.receipts()[-1])

        thread = threading.Thread(target=confirm)
        with running(self.source, self.inbox):
            until(self.source.connected, "the receiver to listen")
            thread.start()
            try:
                yield str(self.source.port)
            finally:
                over.set()
                thread.join()

    def readings(self) -> Readings:
        readings, refused = gb26875.decoder(self._settings).decode(Deliveries.of(self.inbox.taken))
        assert refused == []
        return readings

    def values(self, signal: str) -> list[float]:
        readings = self.readings()
        return [
            value
            for tag, value in zip(readings.tags, readings.value.tolist(), strict=True)
            if tag.endswith(f"/{signal}")
        ]


def done(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    (line,) = re.findall(r"^done (.*)$", capsys.readouterr().out, re.MULTILINE)
    return {word: int(number) for word, number in re.findall(r"(\w+)=(\d+)", line)}


def test_healthy_devices_are_confirmed_and_report_nothing_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    centre = Centre()
    with centre.open() as port:
        assert run(monkeypatch, "--port", port, "--devices", "3", "--duration", "0.5") == 0
    tally = done(capsys)
    assert tally["sent"] == tally["acknowledged"] == 9
    assert tally["connects"] == tally["clock_sets"] == 3
    assert set(centre.values("fire")) == {0.0}
    assert len(centre.values("pressure")) == 3


def test_the_documented_script_does_all_that_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    content = YAML(typ="safe").load(DOCUMENTED)
    for device in content["devices"]:
        device["reconnect_s"] = 0.05
        for event in device["events"]:
            event["at"] /= 10
    with (tmp_path / "uitd.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(content, file)
    centre = Centre(clock_sync_every_s=0, signals=[*gb26875.Settings(port=0).signals, "operation"])
    with centre.open() as port:
        assert run(monkeypatch, "--port", port, "--script", str(tmp_path / "uitd.yaml"), "--duration", "1.6") == 0
    tally = done(capsys)
    assert tally["connects"] == 2
    assert centre.source.repeated >= 3
    assert centre.values("1-1/42-00030007/fire") == [0.0, 1.0, 0.0]
    assert centre.values("1-1/bus_fault") == centre.values("1-1/manual") == [1.0]
    assert 1.0 in centre.values("mains_fault")
    assert (centre.values("manual_alarm"), centre.values("operation")) == ([1.0], [4.0])
    assert any(7190 < offset < 7210 for offset in centre.values("clock_offset"))


def test_a_centre_that_confirms_nothing_is_told_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(play, "_DRAIN_S", 0.1)
    source, inbox = gb26875.build("panels", gb26875.Settings(host="127.0.0.1", port=0)), BoundedInbox()
    assert isinstance(source, Receiver)
    with running(source, inbox):
        until(source.connected, "the receiver to listen")
        assert run(monkeypatch, "--port", str(source.port), "--duration", "0.3") == 1
    assert done(capsys)["acknowledged"] == 0


def test_the_seed_decides_what_chance_does() -> None:
    made = [play.players(script.healthy(2), "127.0.0.1", 1, seed) for seed in (1, 1, 2)]
    drawn = [[player.device.chance.random() for player in players] for players in made]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][0] != drawn[0][1]


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("state: [fire]", "state: [smoke]", "must be of normal, fire, fault"),
        ("point: smoke, state: []", "point: smok, state: []", "events name points of their device"),
        ("{at: 7, garbage: 60}", "{at: 7, garbage: 60, repeat: 1}", "a moment is one of point, system, device"),
        ("point: pump, value: 60", "point: pump", "a point gets a state, a value, or both"),
        ("state: [bus_fault, manual]", "repeat: null", "a system gets a state"),
        ('address: "00030007"', 'address: "7"', "String should match pattern"),
        ("devices:", "device:", "devices"),
        ("devices:", "devices: [", "must be YAML"),
    ],
)
def test_a_script_that_says_nothing_sensible_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    right: str,
    wrong: str,
    complaint: str,
) -> None:
    assert right in DOCUMENTED
    path = tmp_path / "uitd.yaml"
    path.write_text(DOCUMENTED.replace(right, wrong, 1), encoding="utf-8")
    assert run(monkeypatch, "--port", "1", "--script", str(path)) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_a_script_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "--port", "1", "--script", str(tmp_path / "none.yaml")) == 2
    assert "must be a file that can be read" in capsys.readouterr().err
