"""What a scenario tells must not depend on restarts nor on batches, and must be what the model tells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline.plans import canonical
from tests.scenarios import again
from tests.scenarios.language import PLAYED


@pytest.fixture(autouse=True)
def _every_scenario_once_more() -> Iterator[None]:
    PLAYED.clear()
    yield
    for story in PLAYED:
        for events, flags in (
            again.restarted_everywhere(story.first, story.items),
            again.in_one_piece(story.first, story.items),
        ):
            assert canonical(events) == canonical(story.events)
            assert flags == story.flag_events
        again.beside_the_model(story.first, story.items)
