"""The physical range of a kind as quality: one rule for receipt and for the tests of packs."""

from __future__ import annotations

import numpy as np

from model.batch import BAD, GOOD, UNCERTAIN
from model.sensor import Beyond, range_quality

VALUE = np.array([-1.0, 0.0, 5.0, 10.0, 10.1, np.inf, -np.inf, np.nan])


def test_the_ends_belong_to_the_range_and_each_side_has_its_own_quality() -> None:
    found = range_quality(VALUE, 0.0, 10.0, Beyond.BAD.quality, Beyond.UNCERTAIN.quality)
    assert found.tolist() == [BAD, GOOD, GOOD, GOOD, UNCERTAIN, BAD, BAD, BAD]
    assert found.dtype == np.uint8


def test_rows_of_many_kinds_are_judged_as_each_kind_alone() -> None:
    kinds = [(0.0, 10.0, BAD, UNCERTAIN), (-2.0, 5.0, UNCERTAIN, BAD)]
    together = range_quality(
        np.concatenate([VALUE, VALUE]),
        *(np.repeat(np.array([kind[at] for kind in kinds]), len(VALUE)) for at in range(2)),
        *(np.repeat(np.array([kind[at] for kind in kinds], np.uint8), len(VALUE)) for at in range(2, 4)),
    )
    alone = [range_quality(VALUE, *kind) for kind in kinds]
    assert together.tolist() == np.concatenate(alone).tolist()
