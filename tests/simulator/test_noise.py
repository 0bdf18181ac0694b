import numpy as np
import pytest

from simulator.noise import normal, stream, uniform, wandering


def test_the_numbers_of_a_stream_are_normal_and_independent_of_their_neighbours():
    streams = np.full(200_000, stream(1, "a"))
    x = normal(streams, np.arange(200_000))
    assert np.mean(x) == pytest.approx(0.0, abs=0.01)
    assert np.std(x) == pytest.approx(1.0, abs=0.01)
    assert np.mean(np.abs(x) > 3.0) == pytest.approx(0.0027, abs=0.0006)
    assert np.corrcoef(x[:-1], x[1:])[0, 1] == pytest.approx(0.0, abs=0.01)


def test_streams_salts_and_seeds_give_other_numbers():
    at = np.arange(50_000)
    one = np.full(len(at), stream(1, "a"))
    first = uniform(one, at)
    for other in (
        uniform(np.full(len(at), stream(1, "b")), at),
        uniform(np.full(len(at), stream(2, "a")), at),
        uniform(one, at, salt=1),
    ):
        assert np.corrcoef(first, other)[0, 1] == pytest.approx(0.0, abs=0.02)


def test_wandering_noise_is_smooth_and_of_deviation_one():
    t_s = np.arange(0.0, 400_000.0)
    x = wandering(np.full(len(t_s), stream(1, "a")), t_s, np.full(len(t_s), 60.0), salt=0)
    assert np.std(x) == pytest.approx(1.0, abs=0.03)
    assert np.max(np.abs(np.diff(x))) < 0.15


def test_a_number_depends_on_its_place_alone():
    streams = np.full(1000, stream(7, "x"))
    whole = normal(streams, np.arange(1000))
    assert np.array_equal(whole[400:500], normal(streams[:100], np.arange(400, 500)))
