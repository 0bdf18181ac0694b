"""Every format under atheris, for a time: nothing raises, nothing hangs, nothing fills the memory.

``FUZZ_S`` sets the seconds each format gets.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.connectors.formats.test_every_format import NAMES

ROOT = Path(__file__).parents[2]
FUZZ_S = int(os.environ.get("FUZZ_S", "20"))
LIMITS = ("-timeout=5", "-rss_limit_mb=2048", "-max_len=8192", "-verbosity=1")


def fuzz(name: str, corpus: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz.harness", name, str(corpus), *LIMITS, *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=corpus.parent, env=environment, capture_output=True, text=True, errors="replace", check=False
    )


@pytest.mark.prove
@pytest.mark.parametrize("name", NAMES)
def test_a_format_withstands_a_fuzzer_that_sees_its_branches(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not made for this machine")
    done = fuzz(name, tmp_path / "corpus", f"-max_total_time={FUZZ_S}")
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(list((tmp_path / "corpus").iterdir())) > 10, "it has found new ways through"
