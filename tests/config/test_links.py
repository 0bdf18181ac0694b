"""Links between assets in the registry: read as given, and what is wrong named by line."""

# ruff: noqa: E501 - the messages are the point, and stand unbroken

from __future__ import annotations

from pathlib import Path

import pytest

from config.findings import Findings
from config.registry import Registry, load_registry
from model.errors import ConfigErrors
from model.sensor import Link, Position, Relation

HEAD = """\
enterprises: [{id: e, name: {zh: 企, en: e}}]
grid_cells: [{id: g, name: {zh: 格, en: g}}]
sites: [{id: s, name: {zh: 站, en: s}, enterprise: e, grid_cell: g}]
assets:
  - {id: well, name: {zh: 井, en: well}, site: s}
  - id: pump
    name: {zh: 泵, en: pump}
    site: s
    position: {lat: 30.5, lon: 120}
    links:
"""


def read(folder: Path, links: str) -> Registry:
    path, findings = folder / "registry.yaml", Findings()
    path.write_text(HEAD + links, encoding="utf-8")
    found = load_registry(path, None, findings)
    findings.raise_errors()
    return found


def test_links_and_places_of_assets_are_read(tmp_path: Path) -> None:
    found = read(
        tmp_path, "      - {relation: same_space, to: well}\n      - {relation: feeds, to: well, distance_m: 12}\n"
    )
    assert found.assets[1].links == (Link(Relation.SAME_SPACE, "well"), Link(Relation.FEEDS, "well", 12.0))
    assert found.assets[1].position == Position(30.5, 120.0)


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (
            "{relation: feeds, to: wel}",
            ":11 assets[1].links[0].to: must be an asset that exists; did you mean 'well'?, got 'wel'",
        ),
        (
            "{relation: feeds, to: pump}",
            ":11 assets[1].links[0].to: must be another asset than the one it stands at, got 'pump'",
        ),
        (
            "{relation: feed, to: well}",
            ":11 assets[1].links[0].relation: must be one of 'upstream', 'downstream', 'same_room', 'same_space', 'feeds', 'powers', got 'feed'",
        ),
        (
            "{relation: feeds, to: well, distance_m: -1}",
            ":11 assets[1].links[0].distance_m: must be at least 0, got -1",
        ),
        (
            "{relation: feeds, to: well}\n      - {relation: feeds, to: well}",
            ":12 assets[1].links[1].to: must be linked once as feeds, got 'well'",
        ),
    ],
)
def test_a_link_that_is_wrong_is_named(tmp_path: Path, link: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as error:
        read(tmp_path, f"      - {link}\n")
    assert str(error.value).endswith(said)
