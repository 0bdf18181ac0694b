"""What the documents say can be typed: the commands exist, and both languages say the same."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from app.cli import app
from tests.docs.blocks import DOCUMENTS, ROOT, blocks, commands

CLI = get_command(app)
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
TYPED = sorted({(path, line) for path in DOCUMENTS for line in commands(path)})
PAIRS = [
    (ROOT / "README.md", ROOT / "README.zh-CN.md"),
    (ROOT / "docs" / "guide.md", ROOT / "docs" / "guide.zh-CN.md"),
]


def of(program: str) -> list[object]:
    return [
        pytest.param(line, id=f"{path.relative_to(ROOT)}: {line}")
        for path, line in TYPED
        if line.startswith(f"{program} ")
    ]


def levels(path: Path) -> list[int]:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [len(mark) for mark in re.findall(r"^(#+) ", text, re.MULTILINE)]


@pytest.mark.parametrize("line", of("fengsui"))
def test_a_command_of_fengsui_is_one_with_these_options(line: str) -> None:
    command, words = CLI, shlex.split(line.rstrip("& "))[1:]
    words = words[: words.index(">")] if ">" in words else words
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands
        command, words = command.commands[words[0]], words[1:]
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= options


@pytest.mark.parametrize("line", of("make"))
def test_a_target_of_make_is_one(line: str) -> None:
    assert set(line.split()[1:]) <= TARGETS


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=["README", "guide"])
def test_both_languages_have_the_same_headings(english: Path, chinese: Path) -> None:
    assert levels(english)[: len(levels(chinese))] == levels(chinese)
    assert len(levels(english)) == len(levels(chinese))


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=["README", "guide"])
def test_both_languages_say_the_same_commands(english: Path, chinese: Path) -> None:
    said = [line.replace(" --lang en", "") for line in commands(english) if not line.startswith("export ")]
    assert said == list(commands(chinese))


def test_both_readmes_show_the_same_demo() -> None:
    shown = [[block.text for block in blocks(path) if block.language == "text"] for path in PAIRS[0]]
    assert shown[0] == shown[1]
    assert shown[0]


def test_every_command_for_people_is_named_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name, one in CLI.commands.items() if not one.hidden and f"`{name}`" not in text] == []
