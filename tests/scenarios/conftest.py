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
        told = canonical(story.events)
        assert canonical(again.restarted_everywhere(story.first, story.items)) == told
        assert canonical(again.in_one_piece(story.first, story.items)) == told
        again.beside_the_model(story.first, story.items)
