"""Waits against a plain list of them, looked through at every tick."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules.timers import Timers

KEYS = st.sampled_from("abc")
DONE = st.one_of(
    st.tuples(st.just("start"), KEYS, st.integers(0, 5)),
    st.tuples(st.just("stop"), KEYS, st.just(0)),
    st.tuples(st.just("retime"), KEYS, st.integers(0, 5)),
    st.tuples(st.just("restart"), KEYS, st.just(0)),
    st.tuples(st.just("tick"), KEYS, st.integers(0, 4)),
)


@given(st.lists(DONE, max_size=40))
def test_each_wait_ends_at_the_first_tick_that_is_late_enough_and_only_once(done: list[tuple[str, str, int]]) -> None:
    timers, now = Timers(), 0
    naive: dict[str, list[int | None]] = {}  # key -> [begun, duration]
    for what, key, number in done:
        if what == "start":
            timers.start(key, number)
            naive[key] = [None, number]
        elif what == "stop":
            timers.stop(key)
            naive.pop(key, None)
        elif what == "retime":
            timers.retime(lambda _, number=number: number)  # type: ignore[misc]
            naive = {one: [begun, number] for one, (begun, _) in naive.items()}
        elif what == "restart":
            kept, durations = timers.snapshot(), {one: wait[1] or 0 for one, wait in naive.items()}
            timers = Timers()
            timers.restore(kept, durations.__getitem__)
        else:
            now += number
            naive = {one: [now if begun is None else begun, length] for one, (begun, length) in naive.items()}
            over = [one for one, (begun, length) in naive.items() if length and now - (begun or 0) >= length]
            assert sorted(timers.advance(now)) == sorted(over)
            naive = {one: wait for one, wait in naive.items() if one not in over}
        assert timers.snapshot() == sorted((one, begun) for one, (begun, _) in naive.items())


def test_waits_that_are_begun_anew_ten_thousand_times_leave_little_behind() -> None:
    timers = Timers()
    for now in range(10_000):
        timers.start("a", 10**9)
        assert timers.advance(now) == []
    assert len(timers._heap) < 2_000
