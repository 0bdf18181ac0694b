"""``fengsui backup`` and ``restore``: which files belong to a running Fengsui, and what it names besides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from app.configured import Paths
from config.packs import folder_of
from config.registry import registry_files
from config.settings import Settings
from store.backup.take import ConfigFile, Places


def places(configured: Settings) -> Places:
    paths = Paths.under(configured.data_dir)
    return Places(
        configured.data_dir,
        paths.journal,
        paths.snapshots,
        paths.pipeline_db,
        paths.delivery_db,
        beside=(paths.warmed,),
    )


def config_files(configured: Settings) -> list[ConfigFile]:
    """fengsui.yaml, registry and packs, each below the folder of fengsui.yaml, or else below ``elsewhere``."""
    base = configured.file.parent
    origins = [configured.file, *registry_files(configured.registry)]
    for name in configured.packs:
        origins += sorted(path for path in folder_of(name, base).iterdir() if path.is_file())
    return [ConfigFile(origin, _name(origin, base)) for origin in dict.fromkeys(origins)]


def left_out(configured: Settings) -> list[str]:
    """Files that sources and sinks name: secrets and certificates, which a backup must not spread, and recordings."""
    named = {
        f"{connection.name}.{key}: {path}"
        for connection in (*configured.sources, *configured.sinks)
        for key, path in _paths(connection.settings)
    }
    return sorted(named)


def _paths(settings: BaseModel) -> Iterator[tuple[str, Path]]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Path):
            yield name, value
        for inner in value if isinstance(value, list | tuple) else [value]:
            if isinstance(inner, BaseModel):
                yield from _paths(inner)


def _name(origin: Path, base: Path) -> str:
    if origin.is_relative_to(base):
        return origin.relative_to(base).as_posix()
    return "elsewhere/" + origin.as_posix().lstrip("/")
