from __future__ import annotations

import numpy as np
import pytest

from detectors.declaration import ParameterError
from detectors.general.limit import Limit
from tests.detectors.feed import Fed


def test_the_score_is_the_signed_distance_to_the_limit() -> None:
    assert Fed("limit", {"high": 25}).rows([20.0, 25.0, 60.0]).tolist() == [-5.0, 0.0, 35.0]


def test_below_a_low_limit_is_beyond_it() -> None:
    assert Fed("limit", {"low": 140.0}).rows([150.0, 100.0]).tolist() == [-10.0, 40.0]


def test_between_two_limits_the_nearer_one_counts() -> None:
    assert Fed("limit", {"low": 0.0, "high": 10.0}).rows([1.0, 9.0, 12.0, -3.0]).tolist() == [-1.0, -1.0, 2.0, 3.0]


def test_an_infinite_value_is_no_value() -> None:
    assert np.isnan(Fed("limit", {"high": 25}).rows([np.inf, -np.inf])).all()


def test_a_limit_without_a_limit_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"limit\.high must be given where low is not"):
        Limit()


def test_limits_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"limit\.low must be below high \(1\), got 2"):
        Limit(low=2.0, high=1.0)
