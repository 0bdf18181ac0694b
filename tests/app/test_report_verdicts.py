"""``fengsui report verdicts`` and the track record on the why-card, on a store whose alarms people have judged."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.configured import Paths, read
from config.plan import load_plan
from model.alarm import AlarmEvent, AlarmState, Grade, Transition, Verdict
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "first"
NOW_NS = 1_767_542_400 * 10**9  # 2026-01-05 00:00, local time
MINUTE_NS = 60 * 10**9
SPAN = ("--since", "2026-01-05T00:00", "--to", "2026-01-06T00:00")
ALARM = AlarmEvent(
    id="",
    alarm_id="",
    offset=1,
    rule="gas.lel",
    tag="gas-station-1/ch4-01",
    asset="valve-room-1",
    transition=Transition.RAISED,
    state=AlarmState.UNACKNOWLEDGED,
    grade=Grade.ORANGE,
    previous_grade=Grade.NONE,
    time_ns=0,
    at_ns=0,
    offline=False,
    by="",
    note="",
    why=None,
)


def raised(number: int, **changes: object) -> AlarmEvent:
    at_ns = NOW_NS + number * MINUTE_NS
    return replace(ALARM, id=f"e{number}", alarm_id=f"alarm-{number}", time_ns=at_ns, at_ns=at_ns, **changes)


def judged(event: AlarmEvent, verdict: str, after_min: float, cause: str = "steam") -> AlarmEvent:
    return replace(
        event,
        id=f"{event.id}-{verdict}-{after_min}",
        transition=Transition.VERDICT,
        verdict=Verdict(verdict).value,
        note=cause,
        by="li",
        at_ns=event.at_ns + round(after_min * MINUTE_NS),
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Six alarms: three real, one that was called real and then false, one of a drill, one that nobody judged."""
    shutil.copytree(EXAMPLE, tmp_path / "site")
    config = tmp_path / "site" / "fengsui.yaml"
    configured = read(config)
    store = PipelineStore(Paths.under(configured.data_dir).pipeline_db)
    store.note_plan(load_plan(configured))
    alarms = [raised(number) for number in range(6)]
    said = [judged(one, "real", 3) for one in alarms[:4]]
    said += [judged(alarms[3], "false", 30), judged(alarms[4], "drill", 5)]
    store.record([*alarms, *said], [], 9)
    store.record(said, [], 9)  # as after a restart: it has one effect
    store.close()
    return config


def run(config: Path, *words: str, lang: str = "en") -> tuple[int, str]:
    done = CliRunner().invoke(app, [*words, "--config", str(config), "--lang", lang], env={"COLUMNS": "200"})
    return done.exit_code, f"{done.output}{done.exception or ''}"


def test_the_last_verdict_of_an_alarm_counts_and_the_wait_is_to_the_first(config: Path) -> None:
    code, said = run(config, "report", "verdicts", *SPAN, "--json")
    assert code == 0, said
    told = json.loads(said)
    one = told["rules"][0]
    assert {name: one[name] for name in ("rule", "alarms", "judged", "real", "false", "drill")} == {
        "rule": "gas.lel",
        "alarms": 6,
        "judged": 5,
        "real": 3,
        "false": 1,
        "drill": 1,
    }
    assert one["precision"]["value"] == 0.75
    assert one["precision"]["low"] < 0.4, "four verdicts say little"
    assert one["median_wait_s"] == 180.0
    assert [alarm["id"] for alarm in told["owed"]] == ["alarm-5"]


def test_it_speaks_both_languages_and_writes_a_page(config: Path, tmp_path: Path) -> None:
    page = tmp_path / "verdicts.html"
    code, said = run(config, "report", "verdicts", *SPAN, "--sites", "--html", str(page))
    assert code == 0, said
    assert "75% (30% – 95%)" in said
    assert "without a verdict: 1" in said
    assert "待核实的橙色、红色报警：1 条" in run(config, "report", "verdicts", *SPAN, lang="zh")[1]
    html = page.read_text(encoding="utf-8")
    assert "75% (30% – 95%)" in html
    assert "http" not in html, "it needs nothing from elsewhere"


def test_a_time_without_alarms_says_so(config: Path) -> None:
    code, said = run(config, "report", "verdicts", "--since", "2026-02-01T00:00", "--to", "2026-02-02T00:00")
    assert code == 0, said
    assert "No alarm began" in said


def test_the_why_card_tells_how_good_the_rule_has_been(config: Path) -> None:
    code, said = run(config, "alarms", "show", "alarm-5")
    assert code == 0, said
    assert "of the last 4 judged alarms of this rule 3 were real" in said
    assert "最近核实的 4 条报警中，3 条为真警" in run(config, "alarms", "show", "alarm-5", lang="zh")[1]
    assert json.loads(run(config, "alarms", "show", "alarm-0", "--json")[1])["rule_verdicts"] == {
        "judged": 3,
        "real": 2,
    }, "an alarm is no evidence on itself"


def test_a_store_knows_its_verdicts_again_when_it_is_opened_anew(config: Path) -> None:
    path = Paths.under(read(config).data_dir).pipeline_db
    PipelineStore(path).close()
    reader = PipelineReader(path)
    assert reader.last_verdicts("gas.lel", "", 2) == [Verdict.FALSE, Verdict.REAL]
    assert reader.last_verdicts("other", "", 9) == []
    reader.close()
