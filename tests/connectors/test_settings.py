"""Every connector has settings that document themselves, a sample that is valid, and a place in the guide."""

from __future__ import annotations

import importlib
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from connectors import CONNECTORS
from connectors.formats import FORMATS, SomeSubscription
from connectors.formats.csv_lines import NamedValue
from connectors.gb26875.settings import OwnAnalog, Poll
from connectors.mqtt.readings import Settings as MqttSettings
from connectors.settings import SettingsModel, read_secret
from connectors.topic import AnySubscription, Subscription
from model.errors import FengsuiError

ROOT = Path(__file__).parent.parent.parent
ROLES = {"source": "sources", "events": "sinks", "points": "sinks"}
PARTS: dict[str, tuple[type[BaseModel], ...]] = {"gb26875": (OwnAnalog, Poll), "mqtt": (Subscription,)}


def sample(name: str) -> Any:
    return YAML(typ="safe", pure=True).load((ROOT / "connectors" / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_connector_offers_what_the_contract_asks(name: str) -> None:
    module = importlib.import_module(CONNECTORS[name])
    assert module.ROLE in ROLES
    assert issubclass(module.Settings, SettingsModel)
    assert callable(module.build)
    assert callable(getattr(module, "decoder", None)) == (module.ROLE == "source")


@pytest.mark.parametrize("name", CONNECTORS)
def test_its_sample_is_valid(name: str) -> None:
    module = importlib.import_module(CONNECTORS[name])
    content = sample(name)
    assert list(content) == [ROLES[module.ROLE]]
    for entry in content[ROLES[module.ROLE]]:
        assert entry.pop("connector") == name
        own_name = entry.pop("name")
        module.build(own_name, module.Settings.model_validate(entry))


@pytest.mark.parametrize("name", CONNECTORS)
def test_every_setting_is_described_here_and_in_the_guide(name: str) -> None:
    module = importlib.import_module(CONNECTORS[name])
    guide = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")
    section = guide.partition(f"## {name}\n")[2].partition("\n## ")[0]
    shared = guide.partition("## Settings of every MQTT connection\n")[2].partition("\n## ")[0]
    for model in (module.Settings, *PARTS.get(name, ())):
        for field, info in model.model_fields.items():
            assert info.description, f"{name}.{field} must have a description"
            place = section + (shared if "host" in model.model_fields else "")
            rows = re.findall(rf"^\| `{field}` \| .*? \| (.*) \|$", place, re.MULTILINE)
            assert info.description in rows, f"docs/connectors.md must have {field} of {name} as it is described"


def nested(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model of settings and those that stand in it."""
    yield model
    for info in model.model_fields.values():
        for part in _models_in(info.annotation):
            yield from nested(part)


def _models_in(shape: Any) -> Iterator[type[BaseModel]]:
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        yield shape
    for part in typing.get_args(shape):
        yield from _models_in(part)


SUBSCRIPTIONS = {one.model_fields["format"].default: one for one in _models_in(SomeSubscription)}


def test_every_format_has_a_subscription_and_a_sample() -> None:
    assert sorted(SUBSCRIPTIONS) == sorted(FORMATS)
    samples = (ROOT / "connectors" / "formats").glob("*.yaml")
    found = [one for sample in samples for one in MqttSettings.model_validate(own_settings(sample)).subscriptions]
    assert sorted(one.format for one in found) == sorted(set(FORMATS) - {"json"})


def own_settings(sample: Path) -> dict[str, Any]:
    (entry,) = YAML(typ="safe", pure=True).load(sample.read_text(encoding="utf-8"))["sources"]
    assert entry.pop("connector") == "mqtt"
    assert entry.pop("name")
    return dict(entry)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_setting_of_a_format_is_described_in_the_guide_as_here(name: str) -> None:
    rows = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8").splitlines()
    for model in nested(SUBSCRIPTIONS[name]):
        base = next((one for one in (Subscription, AnySubscription) if issubclass(model, one)), SettingsModel)
        if model is NamedValue:  # the guide points to the one of mapped-json
            continue
        for field in set(model.model_fields) - set(base.model_fields):
            description = model.model_fields[field].description
            assert description, f"{model.__name__}.{field} must have a description"
            said = [row for row in rows if row.startswith(f"| `{field}` |") and row.endswith(f"| {description} |")]
            assert said, f"docs/connectors.md must say of {field} of {name}: {description}"


def test_paths_count_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    module = importlib.import_module("connectors.influxdb")
    given = {"url": "http://127.0.0.1", "org": "o", "bucket": "b", "token_file": "secrets/token"}
    assert (
        module.Settings.model_validate(given, context={"base_dir": tmp_path}).token_file == tmp_path / "secrets/token"
    )
    assert module.Settings.model_validate(given).token_file == Path("secrets/token")


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 9000])
def test_a_secret_that_is_none_is_refused_without_being_shown(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(FengsuiError, match="password_file") as refused:
        read_secret(tmp_path / "secret", "password_file")
    assert "xxx" not in str(refused.value)
