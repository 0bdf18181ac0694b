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


FORMATS = """\
  - name: district
    connector: mqtt
    host: 127.0.0.1
    subscriptions:
      - {topic: "a/{x}", tag: "{x}", format: jsom}
      - topic: "b/{x}"
        tag: "{tag}"
        format: senml
        sum_sufix: total
      - topic: "c/{x}"
        format: mapped-json
        tag: "{x}"
        fields:
          values:
            - {path: "$.t", name: t}
            - {path: "temp", name: u}
      - topic: "d/{x}"
        format: csv
        tag: "{x}"
        columns: [time, value, colour]
      - {topic: "e/{x}", format: columns}
      - {format: sparkplug, primary_hst: fengsui}
      - {topic: "f/{x}", tag: "{y}"}
"""


FORMAT_NAMES = "'columns', 'csv', 'json', 'mapped-json', 'senml', 'sparkplug'"
COLUMN_NAMES = "tag, time, value, unit, quality, -, or {name, unit, scale, offset}"


def test_what_is_wrong_with_a_format_is_said_with_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, FORMATS, WEBHOOK)
    with pytest.raises(ConfigErrors) as refusal:
        read(file)
    said = [line.removeprefix(f"{file}:") for line in str(refusal.value).splitlines()]
    assert [line.partition(" sources[0].subscriptions") for line in said] == [
        (number, " sources[0].subscriptions", words)
        for number, words in (
            ("8", f"[0].format: must be one of {FORMAT_NAMES}, got 'jsom'"),
            ("12", "[1].sum_sufix: is not a key that is known here; did you mean 'sum_suffix'?, got 'sum_sufix'"),
            ("19", "[2].fields.values[1].path: must be a path such as $.a.b[0], $.data[*].v or $.data[*]~, got 'temp'"),
            ("23", f"[3].columns[2]: must be one of {COLUMN_NAMES} of a value, got 'colour'"),
            ("24", "[4].tag: must be given, got nothing"),
            ("25", "[5].primary_hst: is not a key that is known here; did you mean 'primary_host'?, got 'primary_hst'"),
            ("26", "[6]: tag may use the topic's words ['x'] and {tag}, got ['y'], got a mapping"),
        )
    ]
