"""Gateways that are down: one alarm each, and their sensors' silence waits until they are back."""

from __future__ import annotations

from tests.scenarios.language import (
    SILENCE,
    changes,
    down,
    given,
    grade,
    nothing,
    reads,
    reads_steadily,
    resets,
    rule,
)

QUIET = rule("quiet", grade("blue", "silence >= 60 s"), grade("yellow", "silence >= 120 s"))
FAULTY = rule("faulty", grade("blue", "quality == bad"))
TEN = [f"s{number}" for number in range(10)]
DOWN = "40 s: gw system.gateway_silent raised yellow"


def ten_until(until_s: int, from_s: int = 0):
    """All ten speak every ten seconds."""
    return each(TEN, until_s, from_s)


def each(tags, until_s: int, from_s: int = 0):
    return [one for tag in tags for one in reads_steadily(from_s, until_s, 1, tag, every_s=10)]


def ten(*more, behind=None):
    return given(QUIET, SILENCE, *more, tags=TEN, behind={"gw": TEN} if behind is None else behind)


def test_a_gateway_that_is_down_is_one_alarm_and_not_ten() -> None:
    story = ten().when(ten_until(10), nothing(200)).expect(DOWN)
    assert story.withheld() == 10


def test_without_a_gateway_each_sensor_raises_its_own() -> None:
    story = ten(behind={}).when(ten_until(10), nothing(80))
    assert story.lines() == [f"70 s: {tag} quiet raised blue" for tag in TEN]


def test_a_gateway_never_heard_since_the_start_is_one_alarm_too() -> None:
    ten().when(nothing(200)).expect("30 s: gw system.gateway_silent raised yellow")


def test_the_alarm_says_of_how_many_sensors_nothing_came_and_since_when() -> None:
    alarm = ten().when(ten_until(10), nothing(50)).alarms()[0]
    assert alarm.asset == "station"
    assert alarm.why is not None
    assert alarm.why.scores == {"sensors": 10.0}
    assert alarm.start_ns - alarm.why.since_ns == 30 * 10**9
    assert (alarm.why.value, alarm.why.condition) == (30.0, "silence >= 30 s")


def test_the_first_reading_ends_it_and_who_speaks_in_his_turn_raises_nothing() -> None:
    story = ten().when(ten_until(10), nothing(200), ten_until(300, from_s=201))
    story.expect(DOWN, "201 s: gw system.gateway_silent returned")
    assert story.withheld() == 0


def test_a_sensor_that_stays_silent_when_its_gateway_is_back_raises_its_own_with_its_true_time() -> None:
    back = each(TEN[1:], 300, from_s=201)
    story = ten().when(ten_until(10), nothing(200), back)
    story.expect(DOWN, "201 s: gw system.gateway_silent returned", "216 s: s0 quiet raised yellow")
    assert story.events[-1].why is not None
    assert story.events[-1].why.scores["silence"] == 206.0


def test_a_bad_reading_ends_the_gateway_s_silence_too() -> None:
    ten().when(ten_until(10), nothing(50), reads(51, None, "s3", quality="bad")).expect(
        DOWN, "51 s: gw system.gateway_silent returned"
    )


def test_a_late_row_is_no_sign_of_life() -> None:
    ten().when(ten_until(10), nothing(50), reads(51, 1, "s3", device_s=5)).expect(DOWN)


def test_one_sensor_that_still_speaks_means_that_the_gateway_is_there() -> None:
    story = ten().when(ten_until(10), reads_steadily(11, 80, 1, "s0", every_s=10))
    assert story.lines() == [f"70 s: {tag} quiet raised blue" for tag in TEN[1:]]


def test_sensors_with_staggered_scans_still_make_one_alarm() -> None:
    staggered = [one for number, tag in enumerate(TEN) for one in each([tag], 10 + number, from_s=number)]
    ten().when(staggered, nothing(200)).expect("49 s: gw system.gateway_silent raised yellow")


def test_a_rule_quicker_than_thirty_seconds_makes_the_gateway_s_alarm_as_quick() -> None:
    quick = rule("quick", grade("blue", "silence >= 10 s"))
    given(quick, SILENCE, tags=["a", "b"], behind={"gw": ["a", "b"]}, period_s=1.0).when(
        reads_steadily(0, 10, 1, "a"), reads_steadily(0, 8, 1, "b"), nothing(60)
    ).expect("20 s: gw system.gateway_silent raised yellow")


def test_slow_sensors_are_given_their_time() -> None:
    slow = rule("slow", grade("blue", "silence >= 10 min"))
    given(slow, SILENCE, tags=["a", "b"], behind={"gw": ["a", "b"]}, period_s=60.0).when(
        reads(1, 1, "a"), reads(1, 1, "b"), nothing(200)
    ).expect("151 s: gw system.gateway_silent raised yellow")


def test_a_gateway_with_one_sensor_is_that_sensor_s_silence() -> None:
    given(QUIET, SILENCE, tags=["a", "b"], behind={"gw": ["a"]}).when(nothing(70)).expect(
        "60 s: a quiet raised blue", "60 s: b quiet raised blue"
    )


def test_one_gateway_does_not_hold_back_what_stands_behind_another() -> None:
    behind = {"gw": TEN[:5], "other": TEN[5:]}
    alive = each(TEN[5:9], 100)
    ten(behind=behind).when(alive, nothing(100)).expect(
        "30 s: gw system.gateway_silent raised yellow", "60 s: s9 quiet raised blue"
    )


def test_an_alarm_that_is_on_already_stays_on() -> None:
    alive = each(TEN[1:], 80)
    story = ten().when(alive, nothing(300))
    story.expect("60 s: s0 quiet raised blue", "110 s: gw system.gateway_silent raised yellow")
    story.expect_open("gw system.gateway_silent yellow unacknowledged", "s0 quiet blue unacknowledged")


def test_what_is_graded_above_the_gateway_s_alarm_is_not_held_back() -> None:
    grave = rule("grave", grade("blue", "silence >= 60 s"), grade("red", "silence >= 120 s"))
    given(grave, SILENCE, tags=["a", "b"], behind={"gw": ["a", "b"]}).when(nothing(130)).expect(
        "30 s: gw system.gateway_silent raised yellow", "120 s: a grave raised red", "120 s: b grave raised red"
    )


def test_our_own_outage_silences_no_gateway() -> None:
    ten().when(ten_until(10), down(12, 3600), ten_until(3700, from_s=3615)).expect(
        "3612 s: system system.data_gap raised yellow", "3615 s: system system.data_gap returned"
    )


def test_a_sensor_s_death_notice_raises_what_bad_quality_raises_and_then_the_gateway_is_silent() -> None:
    pair = given(FAULTY, QUIET, SILENCE, tags=["a", "b"], behind={"gw": ["a", "b"]})
    pair.when(*[reads(10, None, tag, quality="bad") for tag in "ab"], nothing(200)).expect(
        "10 s: a faulty raised blue", "10 s: b faulty raised blue", DOWN
    )


def test_a_new_configuration_keeps_the_gateway_s_alarm_and_a_reading_still_ends_it() -> None:
    more = rule("more", grade("red", "value >= 50"))
    changed = changes(60, QUIET, SILENCE, more, tags=[*TEN, "new"], behind={"gw": TEN, "other": ["new"]})
    ten().when(ten_until(10), changed, nothing(80), reads(81, 1, "s4")).expect(
        DOWN, "81 s: gw system.gateway_silent returned"
    )


def test_the_alarm_of_a_gateway_that_is_no_more_is_for_a_person_to_end() -> None:
    gone = changes(60, QUIET, SILENCE, tags=TEN)
    ten().when(ten_until(10), resets(55), gone, ten_until(69, from_s=60), resets(70.5)).expect(
        DOWN, "70.5 s: gw system.gateway_silent returned by Wang"
    ).expect_refused(1)
