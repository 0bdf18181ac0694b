"""What ``fengsui propose`` says: every refusal and every warning in both languages, with its figures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from app.cli import propose, propose_words
from app.jobs.backtest import Span
from app.jobs.propose import Proposals
from model.alarm import Grade, Verdict
from pipeline.hindsight.candidates import Candidate, candidates
from pipeline.hindsight.proposals import Found, Outcome, Proposal, Refusal, Tried, Was
from pipeline.hindsight.remedies import Means
from pipeline.hindsight.verdicts import Tally
from tests.pipeline.plans import grade, ns, plan, rule

RULE = rule("r", grade("blue", "value >= 10 %LEL"), grade("red", "value >= 50 %LEL"))
OUTCOME = Outcome(12, 3, 4, (), 0, 30.0)


def said(monkeypatch: pytest.MonkeyPatch, found: Found, speak: str) -> str:
    shown = Console(record=True, width=300, file=None, quiet=False)
    monkeypatch.setattr(propose, "out", shown)
    tally = Tally("r", "", 20, {Verdict.REAL: 4, Verdict.FALSE: 14}, 60.0)
    whole = Proposals(Span(ns(0), ns(100), 0), ns(60), plan(RULE), {"r": tally}, (found,), 9)
    propose._show(whole, speak, "UTC")
    return shown.export_text()


def proposal(candidate: Candidate, **changes: object) -> Found:
    made = Proposal(candidate, ("a",), OUTCOME, replace(OUTCOME, false_before=7, false_after=1), 20.0, 22.5, 2)
    return Found("r", ({Was.REAL: 2}, {Was.REAL: 2}), 30, replace(made, **changes))  # type: ignore[arg-type]


def first(means: Means, colour: Grade, *, red: bool = False) -> Candidate:
    return next(one for one in candidates(RULE, red=red) if one.remedy.means is means and colour in one.grades)


@pytest.mark.parametrize("speak", ["zh", "en"])
@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_is_a_sentence(monkeypatch: pytest.MonkeyPatch, refusal: Refusal, speak: str) -> None:
    nearest = Tried(0, first(Means.ON_DELAY, Grade.BLUE), OUTCOME)
    found = Found("r", ({Was.FALSE: 6}, {Was.FALSE: 2}), 31, None, refusal, nearest, ("alarm-1",))
    text = said(monkeypatch, found, speak)
    assert propose_words.PROPOSE_WORDS["propose_refused"].say(speak) in text
    assert "{" not in text


def test_a_proposal_tells_what_for_whom_on_which_part_and_how_far_from_the_edge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = proposal(first(Means.LIMIT, Grade.BLUE))
    english = said(monkeypatch, found, "en")
    for words in ("blue: value >= 10 %LEL → 16.7 %LEL", "12 → 3", "7 → 1", "at 20 %LEL", "clause 1", "30 s later"):
        assert words in english, english
    assert "WARNING" not in english
    assert "误报 7 → 1" in said(monkeypatch, found, "zh")
    assert "up to 22.5 %LEL" in said(monkeypatch, proposal(first(Means.LIMIT, Grade.BLUE), edge=None), "en")


def test_a_looser_red_is_said_loudly_with_its_clause(monkeypatch: pytest.MonkeyPatch) -> None:
    found = proposal(first(Means.LIMIT, Grade.RED, red=True))
    assert "WARNING: this loosens the limit of red, which comes from: clause 1" in said(monkeypatch, found, "en")
    assert "警告：这会放宽红色等级的限值" in said(monkeypatch, found, "zh")


def test_what_the_real_alarms_do_not_show_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    candidate = first(Means.LIMIT, Grade.BLUE)
    assert "the earlier part alone" in said(monkeypatch, proposal(candidate, real_shown=0), "en")
    none = replace(proposal(candidate), counts=({}, {}))
    assert "nothing shows what would be missed" in said(monkeypatch, none, "en")
