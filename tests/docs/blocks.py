"""Blocks of code in the documents: which there are, and how one is run as it stands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from store.pipeline_reader import PipelineReader
from tests import servers

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "CHANGELOG.md", *ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")])

_BLOCK = re.compile(
    r"^(?:<!-- run: (?P<name>[\w-]+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_COMMENT = re.compile(r"(^|\s{2,})#.*$")

#: The last line of a start: the source may read.
_READY = ("mqtt_subscribed", "gb26875_listening")

#: A start compiles, imports and connects; on a busy machine that takes its time.
READY_S_MAX = 120.0


@dataclass(frozen=True)
class Block:
    name: str
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        lines = [_COMMENT.sub("", line).strip() for line in self.text.splitlines()]
        return [line for line in lines if line]


def blocks(document: Path) -> list[Block]:
    found = _BLOCK.finditer(document.read_text(encoding="utf-8"))
    return [Block(one["name"] or "", one["language"], one["text"]) for one in found]


def commands(document: Path) -> Iterator[str]:
    """Lines of all shell blocks."""
    for block in blocks(document):
        if block.language == "sh":
            yield from block.commands


@dataclass
class Session:
    """A terminal in an empty folder that has the documents' examples; what ends with ``&`` runs on beside it."""

    folder: Path
    port: int
    panel_port: int = 0
    behind: list[servers.Process] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)
    alarm: str = ""

    def prepare(self, **config: str) -> None:
        """Bring the examples here, with the ports of this test; ``config`` is added to each fengsui.yaml."""
        for example in (ROOT / "docs" / "examples").rglob("*"):
            if example.is_file() and "__pycache__" not in example.parts:
                copy = self.folder / example.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(example.read_bytes())
        for file in self.folder.rglob("fengsui.yaml"):
            text = file.read_text(encoding="utf-8").replace("port: 1883", f"port: {self.port}")
            text = text.replace("port: 26875", f"port: {self.panel_port}")
            lines = [f"{key}: {value}" for key, value in config.items()]
            file.write_text("\n".join([text, *lines, ""]), encoding="utf-8")
        (self.folder / "bin").mkdir()
        for name, words in (("fengsui", " -m app.cli"), ("python", "")):
            program = self.folder / "bin" / name
            program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{words} "$@"\n', encoding="utf-8")
            program.chmod(0o755)

    def type(self, command: str) -> None:
        """Type one line, and wait for what a person would wait for."""
        if command.startswith(". .venv"):
            return
        if command.startswith("cd "):
            self.folder = self.folder / command.removeprefix("cd ")
            return
        line = command.replace("1883", str(self.port)).replace("--port 26875", f"--port {self.panel_port}")
        if "alarms list" in line:
            self.alarm = servers.until(self._first_alarm, "an alarm", READY_S_MAX)
        line = re.sub(r"\bID\b", self.alarm[:6], line)
        if line.endswith("&"):
            self._behind(command.removesuffix("&").strip(), line.removesuffix("&").strip())
            return
        done = self._run(line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        self.shown[command] = done.stdout

    def _behind(self, command: str, line: str) -> None:
        log = self.folder / f"{len(self.behind)}.log"
        process = servers.Process(["bash", "-c", f"{self._entered()} exec {line}"], log)
        self.behind.append(process)
        if command.startswith("mosquitto "):
            servers.until(lambda: servers.listens(self.port), command, READY_S_MAX)
        elif command.startswith("fengsui run"):
            servers.until(
                lambda: any(ready in log.read_text(encoding="utf-8") for ready in _READY) or not process.alive(),
                command,
                READY_S_MAX,
            )
            assert process.alive(), log.read_text(encoding="utf-8")

    def end(self) -> None:
        for process in reversed(self.behind):
            process.end()

    def _entered(self) -> str:
        base = next(folder for folder in (self.folder, *self.folder.parents) if (folder / "bin" / "fengsui").exists())
        path = f"{base / 'bin'}:{os.environ['PATH']}:/usr/sbin"
        return (
            f"export PATH={shlex.quote(path)} PYTHONPATH={shlex.quote(str(ROOT))}; cd {shlex.quote(str(self.folder))};"
        )

    def _run(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", f"{self._entered()} {line}"],
            capture_output=True,
            text=True,
            timeout=READY_S_MAX,
            check=False,
        )

    def _first_alarm(self) -> str:
        database = self.folder / "data" / "pipeline.db"
        alarms = PipelineReader(database).alarms(open_only=False) if database.exists() else []
        return alarms[0].id if alarms else ""
