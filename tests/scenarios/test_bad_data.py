"""Sensors that fall silent, lie about the time or send nonsense, and a system that was down itself."""

from __future__ import annotations

from tests.scenarios.language import (
    SILENCE,
    down,
    given,
    grade,
    nothing,
    reads,
    reads_steadily,
    resets,
    restarted,
    rule,
    sees_to,
)

RED = rule("r", grade("red", "value >= 50"))
HELD = rule("r", grade("red", "value >= 50", on_s=10))
QUIET = rule("quiet", grade("blue", "silence >= 60 s"), grade("yellow", "silence >= 120 s"))
FAULTY = rule("faulty", grade("blue", "quality == bad"))
CLOCK = rule("clock", grade("blue", "clock_fault == 1"))
HOUR = 3600


def test_a_sensor_that_stops_is_silent_after_its_time_and_worse_later() -> None:
    given(QUIET, SILENCE).when(reads(10.5, 1), nothing(200)).expect(
        "70 s: a quiet raised blue", "130 s: a quiet upgraded yellow"
    )


def test_a_sensor_that_was_never_seen_is_silent_too() -> None:
    given(QUIET, SILENCE, tags=["a", "b"]).when(reads_steadily(0, 70, 1)).expect("60 s: b quiet raised blue")


def test_silence_ends_with_a_reading_and_not_with_time() -> None:
    given(QUIET, SILENCE).when(nothing(90), reads(100, 1)).expect(
        "60 s: a quiet raised blue", "100 s: a quiet returned"
    )


def test_a_bad_reading_does_not_end_silence() -> None:
    given(QUIET, SILENCE).when(nothing(90), reads(100, None, quality="bad")).expect("60 s: a quiet raised blue")


def test_our_own_outage_is_one_gap_and_not_a_silence_of_every_sensor() -> None:
    tags = [f"s{i}" for i in range(20)]
    story = given(QUIET, SILENCE, tags=tags).when(
        *[reads(1, 1, tag) for tag in tags], down(10, HOUR), nothing(HOUR + 30)
    )
    story.expect("3610 s: system system.data_gap raised yellow")
    story.when(*[reads(HOUR + 31, 1, tag) for tag in tags]).expect_open(
        "system system.data_gap none returned_unacknowledged"
    )


def test_sensors_that_stay_away_after_our_outage_are_silent_in_the_end() -> None:
    given(QUIET, SILENCE).when(reads(1, 1), down(10, HOUR), nothing(HOUR + 200)).expect(
        "3610 s: system system.data_gap raised yellow",
        "3661 s: a quiet raised blue",
        "3721 s: a quiet upgraded yellow",
    )


def test_a_gap_is_not_raised_twice_and_nobody_can_reset_it_away() -> None:
    given().when(nothing(1), down(10, 60), nothing(80), down(81, 60), resets(150), sees_to(151)).expect(
        "70 s: system system.data_gap raised yellow", "151 s: system system.data_gap acknowledged yellow by Wang"
    ).expect_refused(1)


def test_a_start_of_the_machine_is_a_gap_though_its_clock_looks_as_if_a_second_had_passed() -> None:
    given(QUIET, SILENCE).when(reads(10, 1), restarted(10, HOUR, clock_shows_s=11), nothing(HOUR + 20)).expect(
        "3610 s: system system.data_gap raised yellow"
    )


def test_a_start_of_the_machine_within_ten_seconds_is_no_gap_and_counts_as_silence() -> None:
    story = given(QUIET, SILENCE).when(reads(10, 1), restarted(50, 8, clock_shows_s=2), nothing(69))
    story.expect().when(nothing(70)).expect("70 s: a quiet raised blue")


def test_a_start_of_the_machine_with_the_wall_clock_set_back_is_a_gap() -> None:
    given(QUIET, SILENCE).when(reads(10, 1), restarted(100, -40, clock_shows_s=102)).expect(
        "70 s: a quiet raised blue"
    ).when(nothing(61)).expect("70 s: a quiet raised blue", "60 s: system system.data_gap raised yellow")


def test_a_device_clock_an_hour_ahead_raises_and_never_clears() -> None:
    given(RED, CLOCK).when(reads(0, 60, device_s=HOUR), reads(10, 0, device_s=HOUR + 10), nothing(20)).expect(
        "0 s: a r raised red", "0 s: a clock raised blue"
    ).when(reads(30, 0)).expect(
        "0 s: a r raised red", "0 s: a clock raised blue", "30 s: a r returned", "30 s: a clock returned"
    )


def test_a_device_clock_from_the_last_century_raises_and_never_clears() -> None:
    given(RED).when(reads(0, 60, device_s=-1.6e9), reads(10, 0, device_s=-1.6e9)).expect("0 s: a r raised red")


def test_a_clock_set_back_four_minutes_is_found_out_and_its_readings_still_raise() -> None:
    story = given(RED, CLOCK).when(reads_steadily(0, 300, 1, every_s=10))
    story.when(*[reads(at, 1, device_s=at - 240) for at in (310, 320, 330)]).expect("330 s: a clock raised blue")
    story.when(reads(340, 60, device_s=100)).expect("330 s: a clock raised blue", "340 s: a r raised red")


def test_the_first_reading_after_the_clock_was_set_back_raises_though_it_is_late() -> None:
    given(RED).when(reads(300, 1), reads(310, 60, device_s=70)).expect("70 s: a r raised red offline")


def test_a_late_breach_raises_offline_and_fresh_readings_end_it() -> None:
    given(RED).when(reads(100, 1), reads(101, 60, device_s=90), reads(110, 1)).expect(
        "90 s: a r raised red offline", "110 s: a r returned"
    )


def test_late_news_of_what_is_over_by_now_is_history() -> None:
    given(RED).when(reads(100, 60), reads(110, 1), reads(111, 70, device_s=105)).expect(
        "100 s: a r raised red", "110 s: a r returned"
    )


def test_a_late_normal_reading_clears_nothing() -> None:
    given(RED).when(reads(100, 60), reads(101, 1, device_s=90)).expect("100 s: a r raised red")


def test_an_alarm_in_the_same_second_as_the_periodic_reading_is_not_taken_for_its_double() -> None:
    given(RED).when(reads(100, 30), reads(100.4, 60, device_s=100)).expect("100 s: a r raised red offline")


def test_an_upgrade_in_the_same_second_as_the_alarm_is_not_lost() -> None:
    two = rule("r", grade("yellow", "value >= 25"), grade("red", "value >= 50"))
    given(two).when(reads(100, 30), reads(100.4, 60, device_s=100)).expect(
        "100 s: a r raised yellow", "100 s: a r upgraded red offline"
    )


def test_redelivered_rows_have_one_effect() -> None:
    sent = [reads(10, 1), reads(20, 60), reads(30, 1)]
    again = [reads(40, 1, device_s=10), reads(41, 60, device_s=20), reads(42, 1, device_s=30)]
    given(RED).when(*sent, *again).expect("20 s: a r raised red", "30 s: a r returned")


def test_a_gateway_that_returns_with_an_hour_of_readings_raises_offline() -> None:
    backlog = [reads(HOUR + at / 1000, 60 if at >= 1800 else 1, device_s=at) for at in range(10, HOUR, 10)]
    given(RED).when(reads(0, 1), *backlog).expect("1800 s: a r raised red offline")


def test_a_gateway_backlog_whose_delay_ends_by_time_raises_offline_too() -> None:
    given(HELD).when(reads(0, 1), reads(HOUR, 60, device_s=100), nothing(HOUR + 20)).expect(
        "110 s: a r raised red offline"
    )


def test_a_value_of_bad_quality_neither_raises_nor_clears() -> None:
    given(RED).when(reads(0, 60, quality="bad"), reads(1, 60), reads(2, 0, quality="bad")).expect("1 s: a r raised red")


def test_an_uncertain_value_raises_and_does_not_clear() -> None:
    given(RED).when(reads(0, 60, quality="uncertain"), reads(1, 0, quality="uncertain"), reads(2, 0)).expect(
        "0 s: a r raised red", "2 s: a r returned"
    )


def test_no_number_neither_raises_nor_clears_and_is_a_finding_of_its_own() -> None:
    given(RED, FAULTY).when(reads(0, None), reads(1, 60), reads(2, None)).expect(
        "0 s: a faulty raised blue", "1 s: a r raised red", "1 s: a faulty returned", "2 s: a faulty re_raised blue"
    )


def test_readings_without_a_device_time_take_the_time_of_receipt() -> None:
    given(HELD).when(reads(0, 60, device_s=None), reads(10, 60, device_s=None)).expect("10 s: a r raised red")


def test_one_sensor_does_not_touch_another() -> None:
    given(RED, tags=["a", "b"]).when(reads(0, 60, "a"), reads(1, 0, "b")).expect("0 s: a r raised red")


def test_a_patient_kind_sorts_its_late_rows_and_misses_nothing() -> None:
    given(HELD, lateness_s=30).when(
        reads(0, 60), reads(5, 1, device_s=4), reads(6, 60, device_s=5), reads(16, 60, device_s=15), nothing(60)
    ).expect("15 s: a r raised red")


def test_a_patient_kind_lets_only_those_rows_go_that_have_waited() -> None:
    story = given(RED, lateness_s=7).when(reads(0.5, 1), reads(5.5, 1), reads(8.5, 60, device_s=5), nothing(30))
    story.expect("5 s: a r raised red", "5.5 s: a r returned")
