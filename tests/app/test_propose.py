"""``fengsui propose`` on a simulated site: most false alarms go, no fire and no leak is lost, and else it refuses."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.configured import Paths, read
from app.jobs.override_file import write_overrides
from config.plan import load_configuration
from model.alarm import Grade
from model.errors import FengsuiError
from rules.variants import overridden
from store.pipeline_reader import PipelineReader
from tests.app.judged_site import HOB, SMOKE, flaming, like_steam, lived

SPAN = ("--from", "2026-01-15T00:00", "--to", "2026-01-15T06:00", "--warmup", "0")
FIRES = [flaming("flats/smoke-01", 1.4), flaming("flats/smoke-02", 2.7), flaming("flats/smoke-01", 4.9)]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lived(tmp_path_factory.mktemp("judged"), FIRES)


def run(config: Path, *words: str, lang: str = "en") -> tuple[int, str]:
    arguments = ["propose", *words, *SPAN, "--config", str(config), "--lang", lang]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    return done.exit_code, f"{done.output}{done.exception or ''}"


def by_rule(said: str) -> dict[str, dict[str, Any]]:
    return {one["rule"]: one for one in json.loads(said)["rules"]}


@pytest.mark.parametrize("rule", [SMOKE, pytest.param(HOB, marks=pytest.mark.prove)])
def test_most_false_alarms_go_no_real_one_does_and_what_is_signed_is_read_again(
    config: Path, tmp_path: Path, rule: str
) -> None:
    signed = tmp_path / "signed"
    code, said = run(config, rule, "--json", "--out", str(signed), "--owner", "王工")
    assert code == 0, said
    told = by_rule(said)
    assert told.keys() == {rule}
    for one in told.values():
        proposal = one["proposal"]
        assert proposal is not None, one
        for part in (proposal["chosen"], proposal["shown"]):
            assert part["lost"] == []
            assert part["false_after"] <= 0.4 * part["false_before"], part
        assert proposal["chosen"]["kept"] + proposal["shown"]["kept"] == 3, "three fires, three leaks"
        assert proposal["shown"]["later_s"] <= 60.0
        assert not proposal["loosens_red"]

    text = config.read_text(encoding="utf-8")
    changed = config.with_name("changed.yaml")
    changed.write_text(text.replace("./own]", f"./own, {signed}]"), encoding="utf-8")
    plan = load_configuration(read(changed)).plan
    reader = PipelineReader(Paths.under(read(config).data_dir).pipeline_db)
    in_force = reader.plan()
    reader.close()
    before = {one.id: one for one in in_force.rules}
    for override in plan.overrides:
        proposal = told[override.rule]["proposal"]
        assert (override.owner, list(override.where.tags)) == ("王工", proposal["tags"])
        (grade,) = proposal["grades"]
        was = before[override.rule]
        made = dict(zip(was.grades, overridden(was, [override]).grades, strict=True))
        differ = {spec.grade for spec, now in made.items() if spec != now}
        assert differ == {Grade[grade.upper()]}
        now = next(now for spec, now in made.items() if spec.grade in differ)
        amount = proposal["amount"]
        said_so = {"on_delay": now.on_delay_s, "off_delay": now.off_delay_s, "deadband": now.deadband}
        assert said_so.get(proposal["means"], amount) == amount
        assert proposal["means"] != "limit" or f"{amount:g}" in now.when
    assert len(plan.overrides) == 1

    with pytest.raises(FengsuiError, match="is there already"):
        write_overrides(signed, [], in_force, "li", date(2026, 1, 17))


def test_where_a_real_one_looks_like_steam_it_refuses_and_says_what_would_be_lost(tmp_path: Path) -> None:
    config = lived(tmp_path, [like_steam("flats/smoke-01", 1.5), like_steam("flats/smoke-02", 2.5)])
    code, said = run(config, SMOKE, "--json")
    assert code == 0, said
    one = by_rule(said)[SMOKE]
    assert (one["refusal"], one["proposal"]) == ("loses", None)
    assert one["nearest"]["chosen"]["lost"]


def test_a_time_with_few_verdicts_is_refused_and_says_how_many_are_needed(config: Path) -> None:
    arguments = ["propose", HOB, "--from", "2026-01-15T00:00", "--to", "2026-01-15T01:00", "--config", str(config)]
    done = CliRunner().invoke(app, [*arguments, "--lang", "en"], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    assert "too few false alarms" in done.output
    assert "5 are needed to choose by and 3 to show it on" in done.output


def test_who_signs_must_be_named_and_the_rule_must_be_there(config: Path, tmp_path: Path) -> None:
    code, said = run(config, "--out", str(tmp_path / "signed"))
    assert code == 2
    assert "must name who signs" in said
    code, said = run(config, "gas.none")
    assert code == 1
    assert "gas.none: no rule" in said
