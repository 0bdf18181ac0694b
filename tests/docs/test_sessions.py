"""The documents' sessions, typed as they stand: a broker of one's own, a recording, a webhook receiver."""

from __future__ import annotations

import base64
import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import webhook
from model.connector import Message
from model.errors import RetryableError
from tests import servers
from tests.docs.blocks import ROOT, Block, Session, blocks

ANY_PORT = '{pipeline: "127.0.0.1:0", delivery: "127.0.0.1:0", archiver: "127.0.0.1:0"}'


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    for program in ("mosquitto", "mosquitto_pub"):
        servers.program(program)
    session = Session(tmp_path, servers.free_port(), servers.free_port())
    session.prepare(metrics=ANY_PORT)
    yield session
    session.end()


def block_with(document: str, command: str) -> Block:
    return next(block for block in blocks(ROOT / document) if command in block.text)


def output(session: Session, beginning: str) -> str:
    return next(text for command, text in session.shown.items() if command.startswith(beginning))


@pytest.mark.timeout(600)
def test_given_a_broker_of_ones_own_the_readme_leads_to_an_acknowledged_alarm(session: Session) -> None:
    for command in block_with("README.md", "mosquitto_pub").commands:
        session.type(command)
    assert "Combustible gas above limit" in output(session, "fengsui alarms show")
    assert "GB/T 50493-2019 5.5.2" in output(session, "fengsui alarms show")
    assert session.alarm in output(session, "fengsui alarms ack")
    session.type("fengsui alarms list --json")
    (alarm,) = json.loads(session.shown["fengsui alarms list --json"])
    assert (alarm["state"], alarm["acknowledged_by"]) == ("acknowledged", "li")


@pytest.mark.timeout(600)
def test_given_the_example_recording_the_guide_leads_to_its_alarms(session: Session) -> None:
    for command in next(block for block in blocks(ROOT / "docs/guide.md") if block.name == "replay").commands:
        session.type(command)
    session.type("fengsui alarms list --all --json")
    alarms = json.loads(session.shown["fengsui alarms list --all --json"])
    assert {(one["rule"], one["tag"]) for one in alarms} >= {("gas.lel", "night-leak/ch4-north")}
    assert all(one["tag"] != "night-leak/ch4-south" or "silence" in one["rule"] for one in alarms)


@pytest.mark.timeout(600)
def test_given_the_example_panel_the_guide_to_connectors_leads_to_its_alarms(session: Session) -> None:
    for command in next(one for one in blocks(ROOT / "docs/connectors.md") if one.name == "fire-panel").commands:
        session.type(command)
    session.type("fengsui alarms list --json")
    alarms = json.loads(session.shown["fengsui alarms list --json"])
    assert {(one["rule"], one["tag"], one["grade"]) for one in alarms} == {
        ("fire.panel_fire", "330100001/1-1/42-00030007/fire", 4),
        ("fire.panel_fault", "330100001/mains_fault", 1),
        ("fire.facility_pressure", "330100001/11-1/91-00010001/pressure", 2),
    }
    simulated = output(session, "python -m simulator uitd")
    sent, confirmed = (int(re.search(rf"{word}=(\d+)", simulated)[1]) for word in ("sent", "acknowledged"))
    assert confirmed >= sent > 0
    assert "330100001/1-1/42-00030007/disabled" in output(session, "fengsui status")


def test_the_guides_own_rule_is_the_examples_and_its_tests_hold(session: Session) -> None:
    guide = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
    rule = next(block for block in blocks(ROOT / "docs/guide.md") if block.text.startswith("rules:"))
    assert rule.text in (ROOT / "docs/examples/first/own-rule/rules.yaml").read_text(encoding="utf-8")
    session.type("cd docs/examples/first")
    session.type("fengsui check --config fengsui.yaml --lang en")
    said = session.shown["fengsui check --config fengsui.yaml --lang en"]
    form = r"gas, \./own-rule: all (\d+) tests pass"
    assert re.search(form, said)
    assert re.search(form, guide)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[str, Path, Path]]:
    """The example receiver: its address, its secret, what it shows."""
    secret, shown = tmp_path / "webhook.secret", tmp_path / "shown.txt"
    line = next(one for one in block_with("docs/guide.md", "whsec_").commands if "whsec_" in one)
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True)
    command = [sys.executable, str(ROOT / "docs/examples/receive_webhook.py"), str(secret), "0"]
    process = servers.Process(command, shown)
    servers.until(lambda: "listening on" in shown.read_text(encoding="utf-8"), "the receiver")
    yield re.findall(r"http://\S+", shown.read_text(encoding="utf-8"))[0], secret, shown
    process.end()


def message() -> Message:
    notice = {
        "event": {"transition": "raised", "tag": "a/b", "why": {"condition": "value >= 50 %LEL"}, "by": ""},
        "grade": "red",
        "rule_name": {"zh": "超限", "en": "above limit"},
        "advice": None,
    }
    return Message("event-1", "alarm-1", time.time_ns(), {}, json.dumps(notice).encode())


def sink(url: str, secret: Path) -> webhook.WebhookSink:
    settings = webhook.Settings.model_validate({"url": url, "secret_file": secret, "allow_private": True})
    return webhook.WebhookSink("duty-room", settings)


def test_given_a_signed_message_twice_the_example_receiver_shows_it_once(receiver: tuple[str, Path, Path]) -> None:
    url, secret, shown = receiver
    sender = sink(url, secret)
    assert sender.probe().ok
    sender.write([message(), message()])
    sender.close()
    assert sender.sent == 2
    lines = shown.read_text(encoding="utf-8").splitlines()[1:]
    assert lines == ["raised | red | above limit | a/b | value >= 50 %LEL | "]


def test_given_another_secret_the_example_receiver_refuses(receiver: tuple[str, Path, Path], tmp_path: Path) -> None:
    url, _, shown = receiver
    other = tmp_path / "other.secret"
    other.write_text("whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(), encoding="ascii")
    sender = sink(url, other)
    with pytest.raises(RetryableError, match="401"):
        sender.write([message()])
    sender.close()
    assert "above limit" not in shown.read_text(encoding="utf-8")
