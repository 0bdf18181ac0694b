"""A copy of the program with one line taken out, to see that a suite finds out.

The copy is made of links, but for the file that is changed and the folders above it: compiled kernels are found again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.faults.harness.lives import ROOT

LEFT_OUT = {".git", ".venv", "build", "dist"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file; ``now`` stands where ``was`` stood, which must be there once."""

    name: str
    file: str
    was: str
    now: str


def copied(folder: Path, mutant: Mutant | None) -> Path:
    """The program in a folder of its own; None = unchanged."""
    folder.mkdir()
    changed = Path(mutant.file) if mutant else Path("app/__init__.py")
    _linked(ROOT, folder, changed.parts)
    text = (ROOT / changed).read_text(encoding="utf-8")
    if mutant:
        assert text.count(mutant.was) == 1, f"{mutant.name}: {mutant.file} has changed; choose the line anew"
        text = text.replace(mutant.was, mutant.now)
    (folder / changed).write_text(text, encoding="utf-8")
    return folder


def _linked(origin: Path, folder: Path, way: tuple[str, ...]) -> None:
    for entry in origin.iterdir():
        if entry.name in LEFT_OUT:
            continue
        if entry.name == "__pycache__" and len(way) == 1:
            _linked_kernels(entry, folder / entry.name, Path(way[0]).stem)
        elif entry.name != way[0]:
            (folder / entry.name).symlink_to(entry)
        elif len(way) > 1:
            (folder / entry.name).mkdir()
            _linked(entry, folder / entry.name, way[1:])


def _linked_kernels(origin: Path, folder: Path, but: str) -> None:
    """What was compiled of the other files; the changed one compiles into the copy."""
    folder.mkdir()
    for entry in origin.iterdir():
        if not entry.name.startswith(f"{but}."):
            (folder / entry.name).symlink_to(entry)


def suite(root: Path, *arguments: str, seconds_max: float = 600) -> subprocess.CompletedProcess[str]:
    """Run tests of that copy."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=seconds_max,
        check=False,
    )
