"""The configuration as every command needs it: light, so that a question to the store is answered at once."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from config.settings import Connection, Settings, load_settings
from connectors import CONNECTORS
from model.connector import Decoder, Source
from model.errors import ConfigError, ConfigErrors


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the data folder keeps what."""

    journal: Path
    pipeline_db: Path
    delivery_db: Path
    snapshots: Path
    warmed: Path  # states that changed detectors began with

    @classmethod
    def under(cls, data_dir: Path) -> Paths:
        return cls(
            data_dir / "journal",
            data_dir / "pipeline.db",
            data_dir / "delivery.db",
            data_dir / "snapshots",
            data_dir / "warmed",
        )


def read(path: Path) -> Settings:
    """Read fengsui.yaml.

    Raises:
        ConfigErrors: all that is wrong with it.

    """
    settings = load_settings(path, _settings_of, connector_names=CONNECTORS)
    errors = [
        *(_misplaced(source, "sources") for source in settings.sources if connector(source).ROLE != "source"),
        *(_misplaced(sink, "sinks") for sink in settings.sinks if connector(sink).ROLE == "source"),
    ]
    if errors:
        raise ConfigErrors(errors)
    return settings


def _misplaced(connection: Connection, section: str) -> ConfigError:
    place = replace(connection.place, key=f"{connection.place.key}.connector")
    if section == "sources":
        return ConfigError(
            place, "must be a connector that brings readings; this one belongs under sinks", connection.connector
        )
    return ConfigError(
        place, "must be a connector that takes alarms or readings; this one belongs under sources", connection.connector
    )


def connector(connection: Connection) -> Any:
    """The module that a source or sink is made by; imported here, because some are slow to import."""
    return importlib.import_module(CONNECTORS[connection.connector])


def build(connection: Connection) -> Any:
    return connector(connection).build(connection.name, connection.settings)


def source_and_decoder(connection: Connection) -> tuple[Source, Decoder]:
    """A source and the decoder of what it brings; made together where the one asks the other for something."""
    module = connector(connection)
    source: Source
    decoder: Decoder
    if hasattr(module, "together"):
        source, decoder = module.together(connection.name, connection.settings)
    else:
        source, decoder = build(connection), module.decoder(connection.settings)
    return source, decoder


def _settings_of(name: str) -> type[BaseModel] | None:
    if name not in CONNECTORS:
        return None
    settings: type[BaseModel] = importlib.import_module(CONNECTORS[name]).Settings
    return settings
