"""What a right fengsui.yaml comes to."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from config.settings import Settings, load_settings
from model.errors import ConfigErrors


class Tls(BaseModel):
    ca_file: Path


class Mqtt(BaseModel):
    host: str
    password_file: Path | None = None
    tls: Tls | None = None
    keys: list[Path] = []


def load(folder: Path, text: str) -> Settings:
    (folder / "fengsui.yaml").write_text(text, encoding="utf-8")
    return load_settings(folder / "fengsui.yaml", {"mqtt": Mqtt}.get)


def test_the_smallest_settings_have_defaults_for_the_rest(tmp_path: Path) -> None:
    settings = load(tmp_path, "packs: [gas]\nregistry: registry.yaml\n")
    assert (settings.language, settings.time_zone, settings.snapshot_every_s) == ("zh", "Asia/Shanghai", 60.0)
    assert (settings.data_dir, settings.socket) == (tmp_path / "data", tmp_path / "data" / "fengsui.sock")
    assert (settings.metrics.pipeline, settings.metrics.delivery) == ("127.0.0.1:9464", "127.0.0.1:9465")
    assert settings.journal.round_messages_max == 1_000
    assert (settings.sources, settings.sinks) == ((), ())


def test_a_journal_is_kept_for_ever_only_where_somebody_says_so(tmp_path: Path) -> None:
    shortest = "packs: [gas]\nregistry: registry.yaml\n"
    usual = load(tmp_path, shortest).journal
    assert (usual.keep_bytes, usual.keep_days, usual.bytes_max) == (20_000_000_000, 30, 40_000_000_000)
    for_ever = load(tmp_path, shortest + "journal: {keep_bytes: none, keep_days: none, bytes_max: none}\n").journal
    assert (for_ever.keep_bytes, for_ever.keep_days, for_ever.bytes_max) == (None, None, None)
    for given, requirement in (
        ("{keep_days: }", "journal.keep_days: must be a number, or none for no limit, got nothing"),
        ("{bytes_max: 1000}", "journal.bytes_max: must be at least 100000, got 1000"),
    ):
        with pytest.raises(ConfigErrors, match=requirement):
            load(tmp_path, f"{shortest}journal: {given}\n")


def test_paths_are_relative_to_the_file_also_inside_a_connector(tmp_path: Path) -> None:
    text = """\
packs: [./mine]
registry: ../site/registry.yaml
data_dir: state
sources:
  - {name: a, connector: mqtt, host: h, password_file: p.txt, tls: {ca_file: ca.pem}, keys: [k1, /etc/k2]}
"""
    settings = load(tmp_path, text)
    found = settings.sources[0].settings
    assert isinstance(found, Mqtt)
    assert found.tls is not None
    assert settings.registry == tmp_path.parent / "site" / "registry.yaml"
    assert settings.data_dir == tmp_path / "state"
    assert (found.password_file, found.tls.ca_file) == (tmp_path / "p.txt", tmp_path / "ca.pem")
    assert found.keys == [tmp_path / "k1", Path("/etc/k2")]


def test_a_connection_knows_its_line(tmp_path: Path) -> None:
    text = "packs: [gas]\nregistry: r\nsources:\n  - name: a\n    connector: mqtt\n    host: h\n"
    source = load(tmp_path, text).sources[0]
    assert (source.name, source.connector, source.place.line, source.place.key) == ("a", "mqtt", 4, "sources[0]")


def test_durations_are_read_with_their_units(tmp_path: Path) -> None:
    text = "packs: [gas]\nregistry: r\nsnapshot_every_s: 5 min\n"
    assert load(tmp_path, text).snapshot_every_s == 300.0


def test_a_socket_path_longer_than_the_kernel_takes_is_refused_here(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="must make a socket path of at most 107 bytes"):
        load(tmp_path, f"packs: [gas]\nregistry: r\ndata_dir: {'d' * 120}\n")


def test_a_file_saved_by_a_windows_editor_is_read(tmp_path: Path) -> None:
    (tmp_path / "fengsui.yaml").write_bytes(b"\xef\xbb\xbfpacks: [gas]\r\nregistry: r\r\n")
    assert load_settings(tmp_path / "fengsui.yaml", {"mqtt": Mqtt}.get).packs == ("gas",)
