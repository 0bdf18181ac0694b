import gzip
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from simulator.noise_survey import QUANTITIES, Quantity, survey
from simulator.scenario import load
from tests.simulator.districts import PACKS, ROOT

DATA = ROOT.parent / "shared" / "data"


def record(folder: Path, values: np.ndarray, label: str) -> None:
    (folder / "series").mkdir(parents=True)
    (folder / "labels.csv").write_text(f"series,start,end,kind\n{label}\n")
    start = datetime(2000, 1, 1)  # noqa: DTZ001 - the recordings name no zone
    lines = [f"{start + timedelta(seconds=i)},{v}" for i, v in enumerate(values.tolist())]
    with gzip.open(folder / "series" / "one.csv.gz", "wt") as file:
        file.write("\n".join(["timestamp,x", *lines, ""]))


def test_the_survey_finds_the_noise_and_leaves_out_what_follows_the_event(tmp_path):
    noise = np.random.default_rng(1).normal(0.0, 0.5, 4000)
    noise[2000:] *= 100.0
    record(tmp_path / "set", noise, "one,2000-01-01 00:33:20,2000-01-01 00:40:00,fire")
    (figure,) = survey(tmp_path, Quantity("x", "set", "x", "1", 1.0))
    assert figure.rows == 2000
    assert figure.white == pytest.approx(0.5, rel=0.06)
    assert figure.total == pytest.approx(0.5, rel=0.06)


def test_the_scenarios_quote_what_the_survey_measures():
    if not (DATA / "metec_gas" / "labels.csv").is_file():
        pytest.skip("set metec_gas: not in ../shared/data")
    methane = next(q for q in QUANTITIES if q.folder == "metec_gas")
    white = np.median([figure.white for figure in survey(DATA, methane)])
    assert load(PACKS / "gas" / "scenario.yaml").instruments["ch4_ppm"].white == pytest.approx(white, rel=0.01)
