"""The examples of payload formats in the guide: with these settings, this message comes to these readings."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from ruamel.yaml import YAML

from connectors.decoder import MessageDecoder
from connectors.formats import FORMATS
from tests.connectors.formats.decoding import Decoded, decode, decoded, subscription
from tests.connectors.formats.edge_node import FLOAT, EdgeNode, M
from tests.docs.blocks import ROOT, blocks

GUIDE = {block.name: block.text for block in blocks(ROOT / "docs/connectors.md") if block.name}
SHOWN = sorted(set(FORMATS) - {"json"})
WRITER = ROOT / "docs/examples/write_columns.py"
QUALITIES = ["good", "uncertain", "bad"]
BIRTH_MS = 1_767_225_600_000


def settings(name: str) -> dict[str, object]:
    found: dict[str, object] = YAML(typ="safe", pure=True).load(GUIDE[f"{name}-settings"])
    return found


def topic(name: str) -> str:
    """A topic that fits the settings, each word of it with a nine."""
    return re.sub(r"\{(\w+)\}", r"\1-9", str(settings(name)["topic"]))


def shown(found: Decoded) -> list[list[str]]:
    """Readings, cut into words as the guide shows them."""
    rows = []
    for row in found.rows:
        value = "-" if row.value != row.value else f"{row.value:g}"
        time = "receipt"
        if row.time_ns is not None:
            time = datetime.fromtimestamp(row.time_ns / 1e9, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        words = [row.tag, value, row.unit, QUALITIES[row.quality], time]
        rows.append([word for word in words if word])
    return rows


def expected(block: str) -> list[list[str]]:
    return [line.split() for line in GUIDE[block].splitlines()]


@pytest.mark.parametrize("name", [name for name in SHOWN if name != "sparkplug"])
def test_the_message_of_the_guide_comes_to_its_readings(name: str) -> None:
    decoder = MessageDecoder([subscription(**settings(name))])
    found = decoded(decoder, (topic(name), GUIDE[f"{name}-message"].encode()))
    assert not found.refused
    assert shown(found) == expected(f"{name}-readings")


def packed_bytes() -> bytes:
    lines = [re.match(r"\s*(\d+)  ((?:[0-9a-f]{2} ?)+)", line) for line in GUIDE["columns-packed"].splitlines()]
    data = b""
    for line in lines:
        assert line is not None
        assert int(line[1]) == len(data), "each line begins with its place"
        data += bytes.fromhex(line[2])
    return data


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_columns", WRITER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_packed_bytes_of_the_guide_come_to_its_readings() -> None:
    found = decode("columns", packed_bytes())
    assert not found.refused
    assert shown(found) == expected("columns-packed-readings")


def test_the_writer_for_gateways_writes_the_bytes_of_the_guide(tmp_path: Path) -> None:
    file = tmp_path / "message"
    subprocess.run([sys.executable, "-I", WRITER, file], check=True, cwd=tmp_path)
    assert file.read_bytes() == packed_bytes()


def test_the_writer_writes_single_readings(writer: ModuleType) -> None:
    data = writer.readings([("a", ""), ("b", "kPa")], [1, 0], [5, 6], [2.5, float("nan")], [64, 192])
    assert shown(decode("columns", data)) == [
        ["b", "2.5", "kPa", "uncertain", "1970-01-01T00:00:00Z"],
        ["a", "-", "bad", "1970-01-01T00:00:00Z"],
    ]
    assert decode("columns", writer.grid([("a", "")], [7], [[1.5]])).values == [1.5]


def test_the_session_of_the_guide_comes_to_its_readings() -> None:
    node, messages = EdgeNode(), []
    for line in GUIDE["sparkplug-message"].splitlines():
        kind, place, *words = line.split()
        device = place.split("/")[2:]
        given = dict(word.split("=") for word in words)
        alias = int(given.pop("alias", "0")) or None
        name, value = next(iter(given.items()), ("", "0"))
        data = M(value=float(value), alias=alias) if name == "value" else M(name, float(value), FLOAT, alias)
        if kind == "NBIRTH":
            messages.append(node.birth(data, time_ms=BIRTH_MS))
        elif kind == "DBIRTH":
            messages.append(node.device_birth(*device, data, time_ms=BIRTH_MS))
        elif kind == "DDATA":
            messages.append(node.device_data(*device, data, time_ms=BIRTH_MS))
        else:
            messages.append(node.death())
    decoder = MessageDecoder([subscription(**settings("sparkplug"))])
    found = decoded(decoder, *messages)
    assert not found.refused
    assert shown(found) == expected("sparkplug-readings")
