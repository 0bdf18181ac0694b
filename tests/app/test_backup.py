"""The drill: a backup beside a running system, put back elsewhere, goes on; and what is refused, unchanged."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.harness.desk import Desk, desk
from tests.faults.harness.lives import command, kill_tree
from tests.faults.harness.publisher import Publisher
from tests.faults.harness.site import Followed, Site, history, journaled, make_site
from tests.servers import Mosquitto, free_port, http_receiver, mosquitto, until


@pytest.fixture(scope="module")
def cli() -> Iterator[Desk]:
    with desk() as running:
        yield running


@dataclass(frozen=True, slots=True)
class Drill:
    """A system that ran, and the backup that was taken while it did."""

    site: Site
    broker: Mosquitto
    backup: Path
    manifest: dict[str, Any]
    sent: set[tuple[str, int]]


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory, cli: Desk) -> Iterator[Drill]:
    folder = tmp_path_factory.mktemp("drill")
    with mosquitto(folder / "mosquitto") as broker, http_receiver() as receiver:
        site = make_site(folder / "site", broker.port, webhook_url=receiver.url)
        process = command(site, "run")
        try:
            until(lambda: site.says("mqtt_subscribed"), "the subscription", 60)
            with Publisher(broker.port, seed=3, rate_hz=400) as publisher:
                until(lambda: len(site.outbox_ids()) > 20, "alarms", 30)
                until(lambda: needless_segments(site.folder / "data"), "a segment that no state needs", 60)
                done = cli.run("backup", str(folder / "backup"), "--config", str(site.config), "--json")
                assert done.code == 0, done.err
                known = len(site.outbox_ids())
                until(lambda: len(site.outbox_ids()) > known, "life after the backup", 30)
                publisher.finish()
            until(lambda: Followed(site).holds(publisher.identities()), "all of it in the journal", 30)
        finally:
            kill_tree(process)
        yield Drill(site, broker, folder / "backup", done.json(), publisher.identities())


def needless_segments(data: Path) -> list[Path]:
    """Those that retention may remove: all before the one in which the oldest state stands."""
    oldest = min((int(path.name[:20]) for path in (data / "snapshots").glob("*.npz")), default=0)
    return [path for path in sorted((data / "journal").glob("*.seg")) if int(path.stem) <= oldest][:-1]


@pytest.fixture
def copy(drill: Drill, tmp_path: Path) -> Path:
    """A backup to be spoilt."""
    return Path(shutil.copytree(drill.backup, tmp_path / "copy"))


def restored(cli: Desk, drill: Drill, folder: Path, *options: str) -> Site:
    """An installation of its own with the restored data and configuration."""
    shutil.copytree(drill.backup / "config", folder)
    shutil.copy(drill.site.folder / "webhook.secret", folder)
    done = cli.run("restore", str(drill.backup), "--into", str(folder / "data"), *options)
    assert done.code == 0, done.err
    return Site(folder)


def checksums(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_system_goes_on_from_the_backup_and_loses_nothing_that_came_up_to_it_or_after_it(
    cli: Desk, drill: Drill, tmp_path: Path
) -> None:
    site = restored(cli, drill, tmp_path / "site", "--verify")
    held = site.entries()
    other = drill.site.entries()[: len(held)]
    assert (journaled(held), history(held)) == (journaled(other), history(other)), "the beginning of the other journal"
    assert site.stored_events() == history(held)[: len(site.stored_events())]
    with Publisher(drill.broker.port, seed=4, rate_hz=400) as away:  # while nobody is there to take it
        until(lambda: len(away.sent) > 300, "readings that wait")
    process = command(site, "run")
    try:
        until(lambda: Followed(site).holds(away.identities()), "what waited at the broker", 60)
        with Publisher(drill.broker.port, seed=5, rate_hz=400) as after:
            until(lambda: len(after.sent) > 100, "new readings")
        until(lambda: Followed(site).holds(after.identities()), "what came after the start", 30)
    finally:
        kill_tree(process)
    rows = journaled(site.entries())
    assert set(rows) - away.identities() - after.identities() <= drill.sent
    assert len(rows) == len(set(rows)), "nothing came twice"
    stored = site.stored_events()
    assert stored == history(site.entries())[: len(stored)]


def test_it_holds_everything_and_says_so(drill: Drill) -> None:
    manifest = json.loads((drill.backup / "manifest.json").read_text(encoding="utf-8"))
    names = {file["path"] for file in manifest["files"]}
    assert names == set(checksums(drill.backup)) - {"manifest.json"}
    assert {"data/pipeline.db", "data/delivery.db", "config/fengsui.yaml", "config/registry.yaml"} <= names
    assert any(name.endswith("pack/rules.yaml") for name in names)
    assert not any("secret" in name for name in names), "no secret leaves its place"
    assert any("webhook.secret" in named for named in manifest["left_out"])
    assert manifest["journal_first"] == 0 < max(manifest["snapshots"]) <= manifest["stored_to"]
    assert manifest["stored_to"] <= manifest["journal_next"] <= len(drill.sent) * 2
    assert drill.manifest["history_sha256"] == manifest["history_sha256"]


@pytest.mark.parametrize(
    ("lang", "words"),
    [("zh", ("备份完好", "报警历史一致")), ("en", ("The backup is sound", "the same alarm history"))],
)
def test_a_backup_is_verified_without_being_put_back(lang: str, words: list[str], cli: Desk, drill: Drill) -> None:
    before = checksums(drill.backup)
    done = cli.run("restore", str(drill.backup), "--verify", "--lang", lang)
    assert done.code == 0, done.err
    assert all(word in done.out for word in words), done.out
    assert checksums(drill.backup) == before


def test_without_the_journals_beginning_it_is_verified_from_the_oldest_state(cli: Desk, copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    removed = [path.relative_to(copy).as_posix() for path in needless_segments(copy / "data")]
    for path in removed:
        (copy / path).unlink()
    manifest["files"] = [file for file in manifest["files"] if file["path"] not in removed]
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    done = cli.run("restore", str(copy), "--verify", "--json")
    assert done.code == 0, done.err
    found = done.json()
    assert found["same_history"] is True
    assert found["retraced"]["first"] == min(manifest["snapshots"])
    assert found["retraced"]["events"] > 0


def test_another_history_is_found_and_not_put_back(cli: Desk, copy: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(copy / "data" / "pipeline.db")) as database, database:
        database.execute("DELETE FROM events WHERE seq = 3")
    sign_again(copy, "data/pipeline.db")
    done = cli.run("restore", str(copy), "--into", str(tmp_path / "data"), "--verify", "--lang", "en")
    assert done.code == 1
    assert "another alarm history" in done.out
    assert not (tmp_path / "data").exists()


def sign_again(backup: Path, name: str) -> None:
    """Change the checksum along with the file."""
    manifest = json.loads((backup / "manifest.json").read_text(encoding="utf-8"))
    for file in manifest["files"]:
        if file["path"] == name:
            data = (backup / name).read_bytes()
            file |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (backup / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def a_segment(backup: Path) -> Path:
    return min((backup / "data" / "journal").iterdir())


def set_format(backup: Path, key: str, value: int) -> None:
    file = backup / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), key: value}), encoding="utf-8")


def newer_database(backup: Path) -> None:
    with closing(sqlite3.connect(backup / "data" / "delivery.db")) as database:
        database.execute("PRAGMA user_version = 99")
    sign_again(backup, "data/delivery.db")


def outside(backup: Path) -> None:
    file = backup / "manifest.json"
    file.write_text(file.read_text(encoding="utf-8").replace("data/pipeline.db", "data/../../x"), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda backup: flip(a_segment(backup)), "has another checksum"),
        (lambda backup: a_segment(backup).unlink(), "cannot be read"),
        (lambda backup: flip(backup / "data" / "delivery.db"), "data/delivery.db has another checksum"),
        (lambda backup: (backup / "manifest.json").write_text("{", encoding="utf-8"), "is no manifest"),
        (lambda backup: set_format(backup, "format", 9), "format 9 is newer"),
        (lambda backup: set_format(backup, "schema", 9), "schema 9 and journal format"),
        (newer_database, "its schema is newer than 1"),
        (outside, "names a file outside the backup"),
    ],
    ids=["flipped", "missing", "database", "no manifest", "newer backup", "newer schema", "newer database", "outside"],
)
def test_what_is_not_as_it_was_taken_is_refused_and_nothing_changes(
    spoil: Any, said: str, cli: Desk, copy: Path, tmp_path: Path
) -> None:
    spoil(copy)
    before = checksums(copy)
    done = cli.run("restore", str(copy), "--into", str(tmp_path / "state" / "data"))
    assert (done.code, said in done.err) == (1, True), done.err
    assert checksums(copy) == before
    assert not list(tmp_path.glob("state/*"))


def test_nothing_is_ever_overwritten(cli: Desk, drill: Drill, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "something").write_text("mine", encoding="utf-8")
    for arguments in (
        ["restore", str(drill.backup), "--into", str(tmp_path / "data")],
        ["backup", str(tmp_path / "data"), "--config", str(drill.site.config)],
    ):
        done = cli.run(*arguments)
        assert (done.code, "must be a new or an empty folder" in done.err) == (1, True), done.err
    assert checksums(tmp_path) == {"data/something": hashlib.sha256(b"mine").hexdigest()}


def test_a_place_without_a_backup_is_told_by_its_exit_code(cli: Desk, tmp_path: Path) -> None:
    assert cli.run("restore", str(tmp_path), "--into", str(tmp_path / "data")).code == 3


def test_a_backup_into_the_data_itself_or_of_nothing_is_refused(cli: Desk, drill: Drill, tmp_path: Path) -> None:
    inside = cli.run("backup", str(drill.site.folder / "data" / "backup"), "--config", str(drill.site.config))
    assert (inside.code, "must be outside" in inside.err) == (1, True)
    fresh = make_site(tmp_path / "fresh", free_port())
    nothing = cli.run("backup", str(tmp_path / "backup"), "--config", str(fresh.config))
    assert (nothing.code, "not there yet" in nothing.err) == (1, True)
    assert not (tmp_path / "backup").exists()
