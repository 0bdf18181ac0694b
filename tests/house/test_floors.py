"""The house stands as designed: rooms side by side, imports only downwards, files one can read in a sitting."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
ROOMS = [room for room in SHIPPED if room != "packs"]
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70


def ids(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def test_all_rooms_share_one_parent() -> None:
    parents = {room: Path(str(importlib.util.find_spec(room).origin)).parent.parent for room in ROOMS}
    assert set(parents.values()) == {ROOT}, parents


def test_every_folder_with_python_in_it_is_a_known_room() -> None:
    tracked = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert tracked <= set(ROOMS) | {"bench"}, "a new room needs its line in the wheel, the linters and this test"


def test_every_list_of_rooms_in_the_project_file_is_the_same() -> None:
    tool = PROJECT["tool"]
    assert set(tool["importlinter"]["root_packages"]) == set(ROOMS)
    assert set(tool["mypy"]["packages"]) == set(ROOMS)
    assert set(tool["coverage"]["run"]["source"]) == set(ROOMS)


def test_packs_are_data_alone() -> None:
    assert not list((ROOT / "packs").rglob("*.py"))


def test_a_floor_imports_only_the_floors_below_it() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=ids(SOURCES))
def test_a_file_can_be_read_in_a_sitting(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE_LINES_MAX
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {one.name: lines for one in functions if (lines := one.end_lineno - one.lineno + 1) > FUNCTION_LINES_MAX}
    assert not long, f"at most {FUNCTION_LINES_MAX} lines"
    assert ast.get_docstring(tree), "a file starts with why it exists"


@pytest.mark.parametrize("name", ["utils", "util", "helpers", "helper", "manager", "common", "misc"])
def test_no_file_is_named_for_nothing(name: str) -> None:
    assert not [path for path in SOURCES if path.stem == name]
