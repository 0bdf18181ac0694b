"""The registry of a recording: its channels as sensors, so that its readings are known when they are played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from connectors.recording import RecordedRegistry
from model.sensor import Asset, Position, Sensor
from model.text import Text

_ENTERPRISE, _GRID_CELL = "recording", "recording"
_NAME = {"zh": "录制数据", "en": "Recording"}


def write(recorded: RecordedRegistry, path: Path) -> None:
    """Write registry.yaml; an existing file is replaced."""
    sites = sorted({asset.site for asset in recorded.assets})
    data = {
        "enterprises": [{"id": _ENTERPRISE, "name": dict(_NAME)}],
        "grid_cells": [{"id": _GRID_CELL, "name": dict(_NAME)}],
        "sites": [
            {"id": site, "name": dict(_NAME), "enterprise": _ENTERPRISE, "grid_cell": _GRID_CELL} for site in sites
        ],
        "assets": [_asset(asset) for asset in recorded.assets],
        "sensors": [_sensor(sensor) for sensor in recorded.sensors],
    }
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_unicode = True
    yaml.default_flow_style = None
    yaml.width = 200
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(data, file)


def _asset(asset: Asset) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": asset.id, "name": _text(asset.name), "site": asset.site}
    if asset.kind:
        entry["kind"] = asset.kind
    if asset.attributes:
        entry["attributes"] = asset.attributes
    return entry


def _sensor(sensor: Sensor) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "tag": sensor.tag,
        "kind": sensor.kind,
        "asset": sensor.asset,
        "name": _text(sensor.name),
    }
    if sensor.period_s is not None:
        entry["period_s"] = sensor.period_s
    position = _position(sensor.position)
    if position:
        entry["position"] = position
    return entry


def _position(position: Position) -> dict[str, float]:
    given = {"lat": position.lat, "lon": position.lon, "along_m": position.along_m}
    return {name: value for name, value in given.items() if value is not None}


def _text(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}
