import pytest

from model.errors import ConfigErrors
from simulator.scenario import load
from tests.simulator.districts import PACKS


@pytest.mark.parametrize("pack", ["gas", "pipeline", "fire"])
def test_every_shipped_scenario_says_where_its_noise_comes_from(pack):
    for kind, instrument in load(PACKS / pack / "scenario.yaml").instruments.items():
        measured = any(name in instrument.origin for name in ("metec_gas", "transient_leaks", "nist_fire"))
        assert measured or instrument.origin.startswith("not measured"), kind


def test_a_wrong_key_is_named_with_its_file_and_path(tmp_path):
    path = tmp_path / "scenario.yaml"
    path.write_text("instruments: {}\nplants: []\nprofiles: {demo: {events: [{kind: flood, place: a, at_s: 1}]}}\n")
    with pytest.raises(ConfigErrors, match=r"scenario.yaml profiles.demo.events.0.kind: .*leak.*, got 'flood'"):
        load(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigErrors, match=r"scenario.yaml: must be readable YAML"):
        load(tmp_path / "scenario.yaml")
