"""What a scenario tells must not depend on restarts nor on batches, and must be what the model tells."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.pipeline.plans import canonical
from tests.scenarios import again
from tests.scenarios.language import PLAYED

ONCE = "SCENARIOS_ONCE"  # set where hundreds of runs look for faults that one telling shows


@pytest.fixture(autouse=True)
def _every_scenario_once_more() -> Iterator[None]:
    PLAYED.clear()
    yield
    for story in PLAYED:
        for way in () if os.environ.get(ONCE) else (again.restarted_everywhere, again.in_one_piece):
            events, flags = way(story.first, story.items)
            assert canonical(events) == canonical(story.events)
            assert flags == story.flag_events
        again.beside_the_model(story.first, story.items)
