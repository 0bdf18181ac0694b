"""What the composition alone can know of a configuration: which connectors bring readings and which take them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.configured import read
from model.errors import ConfigErrors

MQTT = """\
  - name: district
    connector: mqtt
    host: 127.0.0.1
    subscriptions: [{topic: "district/{site}/{sensor}", tag: "{site}/{sensor}"}]
"""
WEBHOOK = """\
  - name: duty
    connector: webhook
    url: "https://duty.example/alarms"
"""


def written(folder: Path, sources: str, sinks: str) -> Path:
    file = folder / "fengsui.yaml"
    file.write_text(f"packs: [gas]\nregistry: r.yaml\nsources:\n{sources}sinks:\n{sinks}", encoding="utf-8")
    return file


def test_sources_and_sinks_in_their_own_places_are_read(tmp_path: Path) -> None:
    settings = read(written(tmp_path, MQTT, WEBHOOK))
    assert [c.connector for c in (*settings.sources, *settings.sinks)] == ["mqtt", "webhook"]


def test_a_source_among_the_sinks_and_a_sink_among_the_sources_are_refused_with_their_lines(tmp_path: Path) -> None:
    file = written(tmp_path, WEBHOOK, MQTT)
    with pytest.raises(ConfigErrors) as refusal:
        read(file)
    source, sink = str(refusal.value).splitlines()
    assert source == (
        f"{file}:4 sources[0].connector: must be a connector that brings readings; this one belongs under sinks,"
        " got 'webhook'"
    )
    assert sink == (
        f"{file}:8 sinks[0].connector: must be a connector that takes alarms or readings; this one belongs under"
        " sources, got 'mqtt'"
    )


def test_an_address_that_is_refused_is_not_shown_for_it_may_carry_a_token(tmp_path: Path) -> None:
    file = written(tmp_path, MQTT, WEBHOOK.replace("https://duty.example/alarms", "http://duty.example/?token=hunter2"))
    with pytest.raises(ConfigErrors) as refusal:
        read(file)
    assert "hunter2" not in str(refusal.value)
    assert "url must be https" in str(refusal.value)
