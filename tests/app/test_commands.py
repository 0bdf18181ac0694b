"""The command line against a system that runs: what it says in both languages, as JSON, and with which exit code.

Exit codes are those that ``app.cli`` documents: 0 done, 1 it did not work, 2 wrong configuration or use, 3 nothing
such is there; ``test_outcome.py`` has 4, outcome unknown.
"""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.alarm import AlarmState
from store.pipeline_reader import PipelineReader
from tests.faults.harness.desk import ROOT, Desk, Done, desk
from tests.faults.harness.lives import command, kill_tree
from tests.faults.harness.publisher import Publisher
from tests.faults.harness.site import PACK, Site, make_site
from tests.servers import free_port, http_receiver, mosquitto, until


@pytest.fixture(scope="module")
def cli() -> Iterator[Desk]:
    with desk() as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A system that has raised alarms and told of them, and still runs."""
    folder = tmp_path_factory.mktemp("live")
    with mosquitto(folder / "mosquitto") as broker, http_receiver() as receiver:
        site = make_site(folder / "site", broker.port, webhook_url=receiver.url)
        process = command(site, "run")
        try:
            until(lambda: site.says("pipeline runs") and site.says("delivery runs"), "both processes", 60)
            until(lambda: site.says("mqtt_subscribed"), "the subscription", 30)
            with Publisher(broker.port, seed=1, rate_hz=200) as publisher:
                until(lambda: len(site.outbox_ids()) > 20, "alarms", 30)
                until(lambda: AlarmState.LATCHED_UNACKNOWLEDGED in states(site), "a latched alarm", 30)
                publisher.finish()
            until(lambda: len(receiver.requests) > 20, "notices", 30)
            yield site
        finally:
            kill_tree(process)


def states(site: Site) -> set[AlarmState]:
    reader = PipelineReader(site.paths.pipeline_db)
    try:
        return {alarm.state for alarm in reader.alarms()}
    finally:
        reader.close()


def ask(cli: Desk, site: Site, *arguments: str) -> Done:
    return cli.run(*arguments, "--config", str(site.config))


def some_alarm(cli: Desk, site: Site, state: str = "") -> dict[str, str]:
    alarms: list[dict[str, str]] = ask(cli, site, "alarms", "list", "--json").json()
    return next(alarm for alarm in alarms if state in ("", alarm["state"]))


def test_status_says_how_everything_stands(cli: Desk, site: Site) -> None:
    done = ask(cli, site, "status", "--json")
    assert done.code == 0, done.err
    found = done.json()
    assert found["error"] == ""
    assert found["pipeline"]["sources"] == {"district": True}
    assert sum(found["pipeline"]["sensors"].values()) == 12
    assert found["pipeline"]["rows"]["accepted"] > 0
    assert found["stored"]["outbox"] >= found["stored"]["events"] > 20  # notices of incidents, too
    sink = found["sinks"]["duty-room"]
    assert (sink["dead"], sink["last_error"]) == (0, "")
    assert sink["delivered"] > 20


@pytest.mark.parametrize(
    ("lang", "words"), [("zh", ("数据源", "已连接", "未关闭报警")), ("en", ("Sources", "connected", "Open alarms"))]
)
def test_status_speaks_both_languages(lang: str, words: tuple[str, ...], cli: Desk, site: Site) -> None:
    done = ask(cli, site, "status", "--lang", lang)
    assert done.code == 0
    assert all(word in done.out for word in words), done.out


def test_the_installed_command_is_the_same_as_the_one_tested_here(site: Site) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "status", "--json", "--config", str(site.config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert '"district": true' in done.stdout


def test_the_journal_is_looked_into_verified_and_exported_while_it_is_written(cli: Desk, site: Site) -> None:
    done = ask(cli, site, "journal", "verify", "--lang", "en")
    assert (done.code, "All of it reads, nothing is missing." in done.out) == (0, True), done.err
    before = ask(cli, site, "journal", "inspect", "--json").json()
    assert before["readings"] > 100
    readings = ask(cli, site, "journal", "export", "-", "--type", "reading", "--to", str(before["next_offset"]))
    assert readings.out.count("\n") == before["readings"]


def test_the_list_begins_with_the_most_urgent_and_names_things_in_both_languages(cli: Desk, site: Site) -> None:
    done = ask(cli, site, "alarms", "list", "--json")
    assert done.code == 0, done.err
    urgency = [(alarm["acknowledged_by"] != "", -max(alarm["grade"], alarm["highest"])) for alarm in done.json()]
    assert urgency == sorted(urgency)
    assert len(urgency) > 3
    assert "试验超限" in ask(cli, site, "alarms", "list", "--lang", "zh").out
    assert "Test level" in ask(cli, site, "alarms", "list", "--lang", "en").out
    assert ask(cli, site, "alarms", "list", "--limit", "1", "--json").json()[0]["id"]


def test_an_alarm_is_shown_with_its_why_and_its_history(cli: Desk, site: Site) -> None:
    alarm = some_alarm(cli, site)
    shown = ask(cli, site, "alarms", "show", alarm["id"][:10], "--json")
    assert shown.code == 0, shown.err
    found = shown.json()
    assert found["alarm"]["id"] == alarm["id"]
    assert found["events"][0]["transition"] == "raised"
    assert found["events"][0]["why"]["condition"]
    text = ask(cli, site, "alarms", "show", alarm["id"], "--lang", "en").out
    for part in (alarm["id"], alarm["tag"], found["alarm"]["why"]["condition"], "made for tests", "raised"):
        assert part in text, text


def test_an_alarm_that_is_not_there_is_exit_code_3(cli: Desk, site: Site) -> None:
    for act in ("show", "ack", "reset"):
        done = ask(cli, site, "alarms", act, "ffffffffff", "--lang", "en")
        assert (done.code, done.err.strip()) == (3, "No alarm has an id that begins with ffffffffff.")
    assert "没有编号以 ffffffffff 开头的报警" in ask(cli, site, "alarms", "show", "ffffffffff", "--lang", "zh").err


def test_an_acknowledgement_is_carried_out_once_and_says_by_whom(cli: Desk, site: Site) -> None:
    alarm = some_alarm(cli, site, "unacknowledged")
    done = ask(cli, site, "alarms", "ack", alarm["id"], "--by", "王工", "--note", "on my way", "--lang", "en")
    assert (done.code, done.err) == (0, "")
    assert alarm["id"] in done.out
    found = ask(cli, site, "alarms", "show", alarm["id"], "--json").json()
    event = next(event for event in found["events"] if event["transition"] == "acknowledged")
    assert (event["by"], event["note"], found["alarm"]["acknowledged_by"]) == ("王工", "on my way", "王工")

    again = ask(cli, site, "alarms", "ack", alarm["id"], "--by", "王工")
    assert again.code == 1
    assert "cannot be given the signal acknowledge" in again.err or "is not open" in again.err


def test_a_latched_alarm_is_reset_only_after_its_acknowledgement(cli: Desk, site: Site) -> None:
    alarm = some_alarm(cli, site, "latched_unacknowledged")
    assert ask(cli, site, "alarms", "reset", alarm["id"], "--by", "a").code == 1
    assert ask(cli, site, "alarms", "ack", alarm["id"], "--by", "a").code == 0
    assert ask(cli, site, "alarms", "reset", alarm["id"], "--by", "a").code == 0
    assert alarm["id"] not in ask(cli, site, "alarms", "list", "--json").out
    assert alarm["id"] in ask(cli, site, "alarms", "list", "--all", "--json").out


def test_the_export_holds_every_alarm_once(cli: Desk, site: Site) -> None:
    done = ask(cli, site, "alarms", "export")
    assert done.code == 0
    rows = list(csv.DictReader(io.StringIO(done.out)))
    every = ask(cli, site, "alarms", "list", "--all", "--limit", "100000", "--json").json()
    assert {row["id"] for row in rows} <= {alarm["id"] for alarm in every}
    assert len(rows) == len({row["id"] for row in rows}) > 3
    assert {row["grade"] for row in rows} <= {"blue", "yellow", "orange", "red"}


def test_a_probe_reaches_every_source_and_sink(cli: Desk, site: Site) -> None:
    done = ask(cli, site, "probe", "--json")
    assert done.code == 0, done.out
    assert [(one["name"], one["ok"]) for one in done.json()] == [("district", True), ("duty-room", True)]
    assert "正常" in ask(cli, site, "probe", "--lang", "zh").out


def test_a_probe_of_a_broker_that_is_away_says_why_and_is_exit_code_1(cli: Desk, tmp_path: Path) -> None:
    port = free_port()
    away = make_site(tmp_path, port)
    done = ask(cli, away, "probe", "--lang", "en")
    assert done.code == 1
    assert f"127.0.0.1:{port}: [Errno 111] Connection refused" in done.out, "brackets are no markup"
    assert ask(cli, away, "probe", "--json").json()[0]["ok"] is False


def test_nothing_that_runs_is_exit_code_1_with_a_hint(cli: Desk, tmp_path: Path) -> None:
    idle = make_site(tmp_path, free_port())
    for arguments in (("status",), ("status", "--json"), ("alarms", "list"), ("alarms", "ack", "abc")):
        done = ask(cli, idle, *arguments)
        assert done.code == 1, arguments
        assert "fengsui run" in done.out + done.err
        assert "Traceback" not in done.err


def pack_with(tmp_path: Path, raised: str) -> Path:
    """A copy of the test pack, with a test that expects a red alarm, or so."""
    folder = tmp_path / "pack"
    shutil.copytree(PACK, folder)
    (folder / "tests.yaml").write_text(
        "tests:\n"
        "  - name: {zh: 升高, en: a rise}\n"
        "    kind: gauge\n"
        "    given: [{from: 0 s, until: 5 s, value: 1}, {from: 5 s, until: 10 s, value: 30}]\n"
        f"    expect: [{{rule: spine.level, raised: {raised}, within: [5 s, 6 s]}}]\n",
        encoding="utf-8",
    )
    return folder


def test_a_pack_that_holds_is_exit_code_0(cli: Desk, tmp_path: Path) -> None:
    done = cli.run("check", str(pack_with(tmp_path, "yellow")), "--json")
    assert done.code == 0, done.out + done.err
    found = done.json()
    assert found["ok"] is True
    assert [test["ok"] for test in found["tests"]] == [True]


def test_a_warning_is_told_once(cli: Desk, site: Site, tmp_path: Path) -> None:
    untested = pack_with(tmp_path, "yellow")
    (untested / "tests.yaml").unlink()
    text = site.config.read_text(encoding="utf-8")
    packs = next(line for line in text.splitlines() if line.startswith("packs:"))
    (site.config.parent / "untested.yaml").write_text(text.replace(packs, f"packs: [{untested}]"), encoding="utf-8")
    done = cli.run("check", "--config", str(site.config.parent / "untested.yaml"), "--json")
    warnings = done.json()["warnings"]
    assert any("should have a test" in warning for warning in warnings)
    assert len(set(warnings)) == len(warnings)


def test_a_pack_whose_own_test_does_not_hold_is_exit_code_1(cli: Desk, tmp_path: Path) -> None:
    done = cli.run("check", str(pack_with(tmp_path, "red")), "--lang", "en")
    assert done.code == 1, done.out + done.err
    assert "a rise" in done.out


def test_a_pack_that_is_wrong_is_exit_code_2_with_its_place(cli: Desk, tmp_path: Path) -> None:
    wrong = pack_with(tmp_path, "yellow")
    rules = (wrong / "rules.yaml").read_text(encoding="utf-8")
    (wrong / "rules.yaml").write_text(rules.replace("value >= 25 %LEL", "valeu >= 25 %LEL"), encoding="utf-8")
    done = cli.run("check", str(wrong), "--lang", "en")
    assert done.code == 2
    line = next(n for n, text in enumerate(rules.splitlines(), 1) if "value >= 25 %LEL" in text)
    assert f"{wrong}/rules.yaml:{line} rules.spine.level.grades.yellow.when" in done.err
    assert "Traceback" not in done.err


def test_wrong_use_is_exit_code_2(cli: Desk, site: Site, tmp_path: Path) -> None:
    assert ask(cli, site, "status", "--lang", "fr").code == 2
    assert cli.run("alarms", "list", "--config", str(tmp_path / "nowhere.yaml")).code == 2
    assert cli.run("nothing").code == 2
