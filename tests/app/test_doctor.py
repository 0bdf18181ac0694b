"""What the doctor sees on a real site, well and ill, in both languages, and by which exit code it tells."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli.words import WORDS
from app.doctor.disk import file_system
from app.doctor.finding import Finding, Verdict
from app.doctor.installation import installation
from app.doctor.site import site as look_over
from store.journal.reader import segments
from store.pipeline_store import PipelineStore
from tests.connectors.mqtt.test_care import subscribed_and_gone
from tests.connectors.mqtt.test_readings import publish
from tests.faults.harness.desk import ROOT, Desk, desk
from tests.faults.harness.lives import command, kill_tree
from tests.faults.harness.publisher import Publisher
from tests.faults.harness.site import Site, make_site
from tests.servers import HttpReceiver, Mosquitto, free_port, http_receiver, mosquitto, until


@pytest.fixture(scope="module")
def cli() -> Iterator[Desk]:
    with desk() as running:
        yield running


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("live")
    with mosquitto(folder / "mosquitto") as broker, http_receiver() as receiver:
        site = make_site(folder / "site", broker.port, webhook_url=receiver.url)
        process = command(site, "run")
        try:
            until(lambda: site.says("mqtt_subscribed"), "the subscription", 60)
            with Publisher(broker.port, seed=1, rate_hz=200) as publisher:
                until(site.outbox_ids, "an alarm", 30)
                publisher.finish()
            yield site
        finally:
            kill_tree(process)


@pytest.fixture
def still(broker: Mosquitto, receiver: HttpReceiver, tmp_path: Path) -> Site:
    """A site that does not run, with a broker and a receiver that do."""
    return make_site(tmp_path / "site", broker.port, webhook_url=receiver.url)


def of(findings: list[Finding], check: str) -> list[tuple[Verdict, str]]:
    return [(one.verdict, one.found.en) for one in findings if one.check == check]


def asked(site: Site, check: str) -> list[tuple[Verdict, str]]:
    return of(look_over(site.config), check)


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    return {one["check"]: one["verdict"] for one in found["findings"]}


def test_a_site_that_runs_well_has_nothing_that_fails(cli: Desk, live: Site) -> None:
    done = cli.run("doctor", "--config", str(live.config), "--json")
    assert done.code == 0, done.out
    found = verdicts(done.json())
    for check in ("secrets", "pipeline", "journal", "ports", "sinks"):
        assert found[check] == "ok", done.out
    assert {
        "python",
        "packages",
        "sqlite",
        "kernels",
        "clock",
        "time_server",
        "folder",
        "file_system",
        "room",
        "sources",
    } <= set(found)


@pytest.mark.parametrize(
    ("lang", "words"), [("zh", ("正常", "数据目录", "处理")), ("en", ("ok", "data folder", "To do"))]
)
def test_it_speaks_both_languages(lang: str, words: tuple[str, ...], cli: Desk, live: Site) -> None:
    done = cli.run("doctor", "--config", str(live.config), "--lang", lang)
    assert done.code == 0
    assert all(word in done.out for word in words), done.out


def test_without_a_configuration_it_looks_at_the_installation(cli: Desk) -> None:
    found = verdicts(cli.run("doctor", "--json").json())
    assert "sqlite" in found
    assert "configuration" not in found


def test_every_check_has_a_name_in_both_languages(live: Site) -> None:
    found = [*installation(), *look_over(live.config)]
    assert all(f"check_{one.check}" in WORDS for one in found)
    assert all(one.found.zh and one.found.en for one in found)
    assert all(one.mend.zh and one.mend.en for one in found if one.verdict is not Verdict.OK), "it says how to mend it"


def test_a_configuration_that_is_wrong_is_all_that_is_told(cli: Desk, still: Site) -> None:
    still.config.write_text("packs: [gas]\ncolour: red\n", encoding="utf-8")
    done = cli.run("doctor", "--config", str(still.config), "--json")
    assert done.code == 1
    assert verdicts(done.json())["configuration"] == "fail"
    assert "colour" in done.out
    assert "sources" not in verdicts(done.json())


def test_a_site_that_never_ran_is_not_ill(still: Site) -> None:
    found = look_over(still.config)
    assert [one for one in found if one.verdict is Verdict.FAIL] == []
    assert of(found, "pipeline")[0][0] is Verdict.WARN
    assert of(found, "stores") == [(Verdict.OK, "nothing is kept yet: it has never run")]


def test_a_secret_that_others_may_read_fails(still: Site) -> None:
    (still.folder / "webhook.secret").chmod(0o644)
    verdict, said = asked(still, "secrets")[0]
    assert (verdict, "webhook.secret is open to others (0644)" in said) == (Verdict.FAIL, True)


def test_a_broker_that_is_away_and_a_receiver_that_is_away_fail(broker: Mosquitto, still: Site) -> None:
    broker.stop()
    assert [verdict for verdict, _ in asked(still, "sources")] == [Verdict.FAIL]


def test_a_port_that_another_program_holds_fails(still: Site) -> None:
    port = free_port()
    text = still.config.read_text(encoding="utf-8").replace('pipeline: "127.0.0.1:0"', f'pipeline: "127.0.0.1:{port}"')
    still.config.write_text(text, encoding="utf-8")
    with socket.create_server(("127.0.0.1", port)):
        verdict, said = asked(still, "ports")[0]
    assert (verdict, str(port) in said) == (Verdict.FAIL, True)


def test_a_folder_that_cannot_be_written_fails(still: Site) -> None:
    (still.folder / "data").mkdir()
    text = still.config.read_text(encoding="utf-8").replace("data_dir: data", "data_dir: /proc/data")
    still.config.write_text(text, encoding="utf-8")
    assert asked(still, "folder")[0][0] is Verdict.FAIL


def test_damage_in_the_newest_part_of_the_journal_fails(still: Site) -> None:
    golden = max(path for path in (ROOT / "tests" / "golden").glob("journal-v*") if path.is_dir())
    shutil.copytree(golden, still.paths.journal)
    PipelineStore(still.paths.pipeline_db).close()
    assert asked(still, "journal")[0][0] is Verdict.OK
    oldest, *_, newest = segments(still.paths.journal)
    for path, is_looked_at in ((oldest, False), (newest, True)):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        assert (asked(still, "journal")[0][0] is Verdict.FAIL) is is_looked_at


def test_a_database_that_is_none_fails(still: Site) -> None:
    still.paths.journal.mkdir(parents=True)
    still.paths.pipeline_db.write_bytes(b"no database" * 100)
    assert asked(still, "stores")[0][0] is Verdict.FAIL


def test_a_newer_database_fails(still: Site) -> None:
    still.paths.journal.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(still.paths.pipeline_db)) as database:
        database.execute("PRAGMA user_version = 99")
    verdict, said = asked(still, "stores")[0]
    assert (verdict, "schema 99 is newer" in said) == (Verdict.FAIL, True)


def test_a_broker_that_drops_is_to_be_looked_at(tmp_path: Path) -> None:
    options = ("allow_anonymous true", "max_queued_messages 1", "sys_interval 1")
    with mosquitto(tmp_path / "forgetful", *options) as broker:
        subscribed_and_gone(broker.port)
        for n in range(4):
            publish(broker.port, b"%d" % n)
        site = make_site(tmp_path / "site", broker.port)
        until(lambda: any("has dropped 3 messages" in said for _, said in asked(site, "sources")), "the drops")
        assert {verdict for verdict, _ in asked(site, "sources")} == {Verdict.WARN}


def test_the_file_system_of_a_path_is_that_of_its_longest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    inner = tmp_path / "with space" / "deep"
    inner.mkdir(parents=True)
    escaped = str(tmp_path / "with space").replace(" ", "\\040")
    mounts.write_text(f"a / ext4 rw 0 0\nb {escaped} tmpfs rw 0 0\nc /elsewhere nfs rw 0 0\n", encoding="utf-8")
    assert file_system(inner, mounts) == "tmpfs"
    assert file_system(tmp_path, mounts) == "ext4"
    assert file_system(tmp_path, tmp_path / "none") == ""
