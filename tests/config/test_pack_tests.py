"""Tests of packs: the readings they make, and how they are judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config.findings import Findings
from config.pack_test_readings import readings
from config.pack_tests import START_NS, PackTest, judge, load_tests
from config.yaml_file import read_yaml
from model.alarm import AlarmEvent, AlarmState, Grade, Transition
from model.batch import BAD, GOOD, UNCERTAIN
from model.plan import GradeSpec, RuleSpec
from model.sensor import Beyond, Kind
from model.text import Text

NAME = Text("名", "name")
KIND = Kind("level", NAME, "m", 0.0, 20.0, 10.0, beyond_high=Beyond.UNCERTAIN)
RULE = RuleSpec("tank.level", NAME, ("level",), (GradeSpec(Grade.YELLOW, "x"), GradeSpec(Grade.RED, "x")), NAME)


def one_test(folder: Path, given: str, expect: str = "nothing", more: str = "") -> PackTest:
    head = f"tests:\n  - name: {{zh: 名, en: name}}\n    kind: level\n    {more}\n"
    text = f"{head}    given: {given}\n    expect: {expect}\n"
    (folder / "tests.yaml").write_text(text, encoding="utf-8")
    findings = Findings()
    document = read_yaml(folder / "tests.yaml", findings)
    assert document is not None
    (test,) = load_tests(document, {"level": KIND}, {RULE.id: RULE}, findings)
    assert findings.errors == []
    return test


def event(transition: Transition, grade: Grade, at_s: float, rule: str = "tank.level") -> AlarmEvent:
    time_ns = START_NS + round(at_s * 1e9)
    return AlarmEvent(
        id="id",
        alarm_id="alarm",
        offset=0,
        rule=rule,
        tag="t",
        asset="a",
        transition=transition,
        state=AlarmState.UNACKNOWLEDGED,
        grade=grade,
        previous_grade=Grade.NONE,
        time_ns=time_ns,
        at_ns=time_ns,
        offline=False,
        by="",
        note="",
        why=None,
    )


def test_readings_come_one_a_period_from_the_first_moment_to_before_the_last(tmp_path: Path) -> None:
    batch = readings(one_test(tmp_path, "[{from: 5 s, until: 40 s, value: 3}]"))
    assert ((batch.received_ns - START_NS) // 10**9).tolist() == [10, 20, 30]
    assert batch.value.tolist() == [3.0, 3.0, 3.0]
    assert (batch.sensor == 0).all()
    assert (batch.time_ns == batch.received_ns).all()


def test_a_ramp_rises_evenly_and_a_missing_stretch_has_no_readings(tmp_path: Path) -> None:
    given = (
        "[{from: 0 s, until: 20 s, value: 0, to: 2}, {from: 20 s, until: 60 s, missing: true},"
        " {from: 60 s, until: 70 s, value: 9}]"
    )
    batch = readings(one_test(tmp_path, given))
    assert ((batch.received_ns - START_NS) // 10**9).tolist() == [0, 10, 60]
    assert batch.value.tolist() == [0.0, 1.0, 9.0]


def test_noise_comes_from_the_seed_and_readings_are_rounded(tmp_path: Path) -> None:
    given = "[{from: 0 s, until: 1 h, value: 5, noise: 0.5, resolution: 0.25}]"
    first, same = readings(one_test(tmp_path, given)), readings(one_test(tmp_path, given))
    other = readings(one_test(tmp_path, given, more="seed: 2"))
    assert first.value.tolist() == same.value.tolist() != other.value.tolist()
    assert np.array_equal(first.value % 0.25, np.zeros(360))
    assert 0.4 < first.value.std() < 0.6


def test_quality_is_as_given_or_worse_where_the_value_cannot_be(tmp_path: Path) -> None:
    given = (
        "[{from: 0 s, until: 10 s, value: 5}, {from: 10 s, until: 20 s, value: 5, quality: bad},"
        " {from: 20 s, until: 30 s, value: 25}, {from: 30 s, until: 40 s, value: -1}]"
    )
    assert readings(one_test(tmp_path, given)).quality.tolist() == [GOOD, BAD, UNCERTAIN, BAD]


def test_a_device_clock_may_be_ahead_of_receipt(tmp_path: Path) -> None:
    batch = readings(one_test(tmp_path, "[{from: 0 s, until: 10 s, value: 5, clock_ahead: 1 h}]"))
    assert (batch.time_ns - batch.received_ns).tolist() == [3600 * 10**9]


@pytest.mark.parametrize(
    ("expect", "events", "complaints"),
    [
        ("nothing", [], []),
        ("nothing", [event(Transition.RETURNED, Grade.NONE, 5)], []),
        (
            "nothing",
            [event(Transition.RAISED, Grade.RED, 5, "other.rule")],
            ["did not expect other.rule raised red at 5 s"],
        ),
        ("[{rule: tank.level, raised: red, within: [0 s, 9 s]}]", [event(Transition.RAISED, Grade.RED, 9)], []),
        ("[{rule: tank.level, raised: red, within: [0 s, 9 s]}]", [event(Transition.RERAISED, Grade.RED, 9)], []),
        (
            "[{rule: tank.level, raised: red, within: [0 s, 9 s]}]",
            [event(Transition.RAISED, Grade.RED, 12)],
            [
                "expected tank.level: raised red within 0 s to 9 s; got tank.level raised red at 12 s",
                "did not expect tank.level raised red at 12 s",
            ],
        ),
        (
            "[{rule: tank.level, raised: red, within: [0 s, 9 s]}]",
            [],
            ["expected tank.level: raised red within 0 s to 9 s; got nothing"],
        ),
        (
            "[{rule: tank.level, raised: yellow, within: [0 s, 9 s]}]",
            [event(Transition.RAISED, Grade.YELLOW, 1), event(Transition.UPGRADED, Grade.RED, 2)],
            ["did not expect tank.level upgraded red at 2 s"],
        ),
        ("[{rule: tank.level, returned: true, within: [0 s, 9 s]}]", [event(Transition.RETURNED, Grade.NONE, 3)], []),
        (
            "[{rule: tank.level, nothing: true}]",
            [event(Transition.RAISED, Grade.RED, 5)],
            ["did not expect tank.level raised red at 5 s"],
        ),
        ("[{rule: tank.level, nothing: true}]", [event(Transition.RAISED, Grade.RED, 5, "other.rule")], []),
    ],
)
def test_a_test_is_judged_by_what_happened(
    tmp_path: Path, expect: str, events: list[AlarmEvent], complaints: list[str]
) -> None:
    test = one_test(tmp_path, "[{from: 0 s, until: 60 s, value: 3}]", expect)
    assert judge(test, events) == complaints


def test_ticks_are_as_slow_as_the_readings_but_never_look_like_an_outage(tmp_path: Path) -> None:
    given = "[{from: 0 s, until: 60 s, value: 3}]"
    assert [one_test(tmp_path, given, more=f"period: {p}").tick_s for p in ("20 ms", "5 s", "30 min")] == [1, 5, 10]
