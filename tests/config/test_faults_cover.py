"""No finding of packs, rules and registry without a test that shows its words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import config

HERE = Path(__file__).parent
ROOT = Path(config.__file__).parent
FILES = sorted(
    [
        *(ROOT / "rules").glob("*.py"),
        *(ROOT / "master").glob("*.py"),
        *(ROOT / name for name in ("packs.py", "pack_detectors.py", "plan.py", "yaml_file.py")),
    ]
)
SHOWN = "\n".join(
    file.read_text(encoding="utf-8").replace('\\"', '"')
    for file in [*HERE.glob("faulty/*/expected.txt"), *HERE.glob("test_*.py")]
    if file.name != Path(__file__).name
)


def patterns(file: Path) -> Iterator[tuple[int, str]]:
    """Line and pattern of every text that is given to a finding or a ValueError of a shape."""
    for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(function, ast.FunctionDef):
            continue
        named = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            told = _told(call)
            if isinstance(told, ast.Name):
                told = named.get(told.id)
            text = _pattern(told)
            if text:
                yield call.lineno, text


def _told(call: ast.Call) -> ast.expr | None:
    match call.func:
        case ast.Attribute(attr="error" | "warn") if len(call.args) == 3:
            return call.args[1]
        case ast.Name(id="ValueError") if call.args:
            return call.args[0]
    return None


def _pattern(told: ast.expr | None) -> str:
    match told:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case ast.JoinedStr(values):
            return "".join(_pattern(part) if isinstance(part, ast.Constant) else ".*" for part in values)
    return ""


def test_every_finding_is_shown_by_a_test() -> None:
    found = [(file.name, line, text) for file in FILES for line, text in patterns(file)]
    assert len(found) > 60
    missing = [f"{name}:{line} {text}" for name, line, text in found if not re.search(text, SHOWN)]
    assert not missing, "\n".join(missing)
