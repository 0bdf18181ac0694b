"""Changed files while everything runs: shown, applied, proposed, refused; and no alarm is lost or doubled by it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from model.alarm import AlarmEvent
from model.inputs import PlanChange, Proposal
from store.journal.entries import Entry
from tests.faults.harness.desk import Desk, Done, desk
from tests.faults.harness.lives import command, kill_tree
from tests.faults.harness.publisher import Publisher
from tests.faults.harness.site import PACK, Site, history, make_site
from tests.servers import free_port, mosquitto, until


@pytest.fixture(scope="module")
def cli() -> Iterator[Desk]:
    with desk() as running:
        yield running


def own_pack(folder: Path, port: int, changes: str) -> Site:
    """A site with a pack of its own, so that it may be changed."""
    site = make_site(folder, port)
    shutil.copytree(PACK, folder / "pack")
    config = site.config.read_text(encoding="utf-8").replace(str(PACK), "./pack")
    calm = "alarms: {chatter: false}\n"  # alarms that come and go over and over shall be told of each time
    site.config.write_text(f"{config}{calm}changes: {changes}\n", encoding="utf-8")
    return site


@pytest.fixture(scope="module")
def broker_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker.port


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, broker_port: int) -> Iterator[tuple[Site, int]]:
    """A site under load, and the process that supervises it."""
    site = own_pack(tmp_path_factory.mktemp("live") / "site", broker_port, "{look_every_s: 0.3}")
    process = command(site, "run")
    try:
        until(lambda: site.says("mqtt_subscribed"), "the subscription", 60)
        with Publisher(broker_port, seed=3, rate_hz=200) as publisher:
            until(lambda: len(site.outbox_ids()) > 20, "alarms", 60)
            yield site, process.pid
            publisher.finish()
    finally:
        kill_tree(process)


def change(site: Site, old: str, new: str, file: str = "rules.yaml") -> None:
    path = site.folder / "pack" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def ask(cli: Desk, site: Site, *arguments: str) -> Done:
    return cli.run(*arguments, "--config", str(site.config), "--lang", "en")


def changes(cli: Desk, site: Site) -> dict[str, Any]:
    found: dict[str, Any] = ask(cli, site, "status", "--json").json()["pipeline"]
    return {**found["changes"], "plan": found["plan"]}


def until_said(site: Site, event: str) -> dict[str, Any]:
    """The newest line of the log about an event, once there is one that is about the newest plan."""
    version = plans(site)[-1].plan.version
    until(lambda: any(line.get("version") == version for line in site.says(event)), event, 30)
    return site.says(event)[-1]


def plans(site: Site) -> list[PlanChange]:
    return [entry.item for entry in site.entries() if isinstance(entry.item, PlanChange)]


def test_changed_files_are_a_proposal_that_diff_shows_and_apply_makes_live(
    cli: Desk, running: tuple[Site, int]
) -> None:
    site, _ = running
    assert "what is in force" in ask(cli, site, "diff").out
    before = changes(cli, site)
    assert (before["files"], before["proposal"]) == ({"state": "same"}, None)
    change(site, '"value >= 10 %LEL"', '"value >= 11 %LEL"')
    until(lambda: changes(cli, site)["files"]["state"] == "differ", "the difference", 30)
    assert changes(cli, site)["plan"] == before["plan"]
    shown = ask(cli, site, "apply", "--dry-run")
    assert "rules spine.level grades.blue.when: value >= 10 %LEL -> value >= 11 %LEL" in shown.out
    done = ask(cli, site, "apply", "--by", "王工", "--note", "as agreed")
    assert (done.code, done.err) == (0, "")
    after = changes(cli, site)
    assert after["files"] == {"state": "same"}
    assert after["plan"] in done.out
    assert [(one.plan.version, one.by, one.note) for one in plans(site)][1:] == [(after["plan"], "王工", "as agreed")]
    again = ask(cli, site, "apply", "--by", "王工", "--json").json()
    assert again["outcome"] == "nothing"
    assert len(plans(site)) == 2


def test_wrong_files_leave_what_is_in_force_and_the_error_names_file_and_line(
    cli: Desk, running: tuple[Site, int]
) -> None:
    site, _ = running
    before = changes(cli, site)["plan"]
    change(site, '"value >= 70 %LEL"', '"valu >= 70 %LEL"')
    done = ask(cli, site, "apply", "--by", "a")
    assert done.code == 2
    assert "pack/rules.yaml:16 rules.spine.latched.grades.orange.when" in done.err
    found = changes(cli, site)
    assert found["plan"] == before
    assert "rules.yaml:16" in found["files"]["error"]
    change(site, '"valu >= 70 %LEL"', '"value >= 70 %LEL"')
    until(lambda: changes(cli, site)["files"]["state"] == "same", "mended files", 30)


def test_a_pack_whose_own_test_does_not_hold_is_not_applied(cli: Desk, running: tuple[Site, int]) -> None:
    site, _ = running
    before = changes(cli, site)["plan"]
    tests = site.folder / "pack" / "tests.yaml"
    tests.write_text(
        "tests:\n  - name: {zh: 升高, en: a rise}\n    kind: gauge\n"
        "    given: [{from: 0 s, until: 5 s, value: 1}, {from: 5 s, until: 10 s, value: 30}]\n"
        "    expect: [{rule: spine.level, raised: red, within: [5 s, 6 s]}]\n",
        encoding="utf-8",
    )
    change(site, '"value >= 25 %LEL"', '"value >= 26 %LEL"')
    done = ask(cli, site, "apply", "--by", "a")
    assert (done.code, "tests.yaml:2" in done.err) == (2, True), done.err
    assert changes(cli, site)["plan"] == before
    tests.unlink()
    change(site, '"value >= 26 %LEL"', '"value >= 25 %LEL"')


def test_a_red_limit_waits_for_a_second_person_with_another_name(cli: Desk, running: tuple[Site, int]) -> None:
    site, supervisor = running
    before = changes(cli, site)["plan"]
    change(site, '"value >= 50 %LEL"', '"value >= 52 %LEL"')
    done = ask(cli, site, "apply", "--by", "Wang")
    assert done.code == 0
    assert "two persons must agree" in done.out
    found = changes(cli, site)
    version = found["proposal"]["version"]
    assert (found["plan"], found["proposal"]["by"]) == (before, "Wang")
    os.kill(supervisor, signal.SIGHUP)
    until(lambda: site.says("configuration not applied; what was in force goes on"), "a refusal", 60)
    for arguments, why in (
        (("--approve", version, "--by", "wang"), "two persons must agree"),
        (("--approve", "0" * 16, "--by", "Li"), "no proposal"),
    ):
        refused = ask(cli, site, "apply", *arguments)
        assert (refused.code, why in refused.err) == (1, True), refused.err
    assert changes(cli, site)["plan"] == before
    change(site, '"value >= 52 %LEL"', '"value >= 53 %LEL"')
    refused = ask(cli, site, "apply", "--approve", version, "--by", "Li")
    assert "the files have changed since" in refused.err
    change(site, '"value >= 53 %LEL"', '"value >= 52 %LEL"')
    agreed = ask(cli, site, "apply", "--approve", version, "--by", "Li")
    assert agreed.code == 0, agreed.err
    assert changes(cli, site) == {"files": {"state": "same"}, "proposal": None, "plan": version}
    last = plans(site)[-1]
    assert (last.by, last.second) == ("Wang", "Li")
    assert [entry.item.by for entry in site.entries() if isinstance(entry.item, Proposal)] == ["Wang"]


def test_sighup_to_the_supervisor_applies_and_many_at_once_are_one(cli: Desk, running: tuple[Site, int]) -> None:
    site, supervisor = running
    known = len(plans(site))
    change(site, "window_s: 2}", "window_s: 3}", "detectors.yaml")
    for _ in range(5):
        os.kill(supervisor, signal.SIGHUP)
    until(lambda: len(plans(site)) > known, "the change", 60)
    assert [one.by for one in plans(site)[known:]] == ["SIGHUP"]
    told = until_said(site, "configuration applied")
    assert told["warmed"] == ["gauge_rate"], "it knows from the journal what was before"
    assert plans(site)[-1].warmed


def test_a_shadow_tells_what_the_files_would_tell_and_changes_nothing(cli: Desk, running: tuple[Site, int]) -> None:
    site, _ = running
    before = changes(cli, site)["plan"]
    nothing = ask(cli, site, "shadow", "--minutes", "0.01")
    assert (nothing.code, "nothing to compare" in nothing.err) == (1, True)
    change(site, "on_delay: 500 ms", "on_delay: 1 h")
    report = site.folder / "shadow.json"
    done = ask(cli, site, "shadow", "--minutes", "0.2", "--every", "2", "--report", str(report), "--json")
    assert done.code == 0, done.err
    seen = done.json()["seen"]
    assert (seen["live"], seen["live"] != seen["shadow"]) == (before, True)
    assert seen["inputs"] > 100
    assert {(one["before"] or one["after"])["rule"] for one in seen["differences"]} == {"spine.level"}
    assert json.loads(report.read_text(encoding="utf-8"))["seen"] == seen
    assert changes(cli, site)["plan"] == before
    change(site, "on_delay: 1 h", "on_delay: 500 ms")


def same_but_for_the_plan(events: list[bytes], rules: set[str]) -> list[AlarmEvent]:
    found = (msgspec.json.decode(body, type=AlarmEvent) for body in events)
    plain = [replace(one, offset=0, why=one.why and replace(one.why, plan_version="")) for one in found]
    return [one for one in plain if one.rule in rules]


def test_under_load_nothing_is_lost_or_doubled_and_rules_that_did_not_change_do_as_if_nothing_had_happened(
    cli: Desk, running: tuple[Site, int]
) -> None:
    """All that the tests above have applied is in this journal, too, among thousands of readings and open alarms."""
    site, _ = running
    change(site, "on_delay: 500 ms", "on_delay: 600 ms")
    done = ask(cli, site, "apply", "--by", "a")
    assert done.code == 0, done.err
    known = len(site.stored_events())
    until(lambda: len(site.stored_events()) > known + 100, "alarms after the change", 90)
    entries, stored = site.entries(), site.stored_events()
    told = history(entries, site.paths.warmed)
    assert len(stored) > 100
    assert stored[: len(told)] == told[: len(stored)]
    first, *rest = entries
    quiet: list[Entry] = [first]
    offset = first.offset + 1
    for entry in rest:
        if not isinstance(entry.item, PlanChange | Proposal):
            quiet.append(replace(entry, offset=offset))
            offset += len(entry.item) if hasattr(entry.item, "sensor") else 1
    unchanged = {"spine.latched", "spine.shift", "spine.silence", "spine.device"}
    expected = same_but_for_the_plan(history(quiet), unchanged)
    assert len(expected) > 50
    assert same_but_for_the_plan(told, unchanged) == expected


def test_a_restart_does_not_apply_unless_the_owner_wants_it(cli: Desk, tmp_path: Path) -> None:
    site = own_pack(tmp_path / "site", free_port(), "{look_every_s: 0.3}")
    versions = []
    for old, new, live in (("10 %LEL", "12 %LEL", "start"), ("12 %LEL", "13 %LEL", "apply"), ("10", "10", "")):
        process = command(site, "run")
        try:
            until(lambda: len(site.says("pipeline runs")) > len(versions), "a start", 60)
            versions.append(site.says("pipeline runs")[-1]["plan"])
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(40)
            kill_tree(process)
        if live:
            change(site, f'"value >= {old}"', f'"value >= {new}"')
            config = site.config.read_text(encoding="utf-8").partition("changes:")[0]
            site.config.write_text(f"{config}changes: {{live: {live}, look_every_s: 0.3}}\n", encoding="utf-8")
    assert versions[0] != versions[1] == versions[2]


def test_a_broken_file_does_not_keep_what_is_in_force_from_starting(tmp_path: Path) -> None:
    site = own_pack(tmp_path / "site", free_port(), "{look_every_s: 0.3}")
    for broken in (False, True):
        process = command(site, "run")
        try:
            until(lambda known=broken: len(site.says("pipeline runs")) > known, "a start", 60)
            if broken:
                until(lambda: site.says("configuration files are wrong; what was in force goes on"), "the error", 60)
                assert process.poll() is None
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(40)
            kill_tree(process)
        (site.folder / "pack" / "rules.yaml").write_text("rules: [", encoding="utf-8")


def test_files_are_applied_as_they_are_written_where_the_owner_wants_it(tmp_path: Path) -> None:
    site = own_pack(tmp_path / "site", free_port(), "{live: watch, look_every_s: 0.3}")
    process = command(site, "run")
    try:
        until(lambda: site.says("pipeline runs"), "a start", 60)
        time.sleep(1.0)
        change(site, '"value >= 10 %LEL"', '"value >= 12 %LEL"')
        until(lambda: len(plans(site)) == 2, "the change", 60)
        assert plans(site)[-1].by == "watch"
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(40)
        kill_tree(process)
