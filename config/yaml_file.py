"""Reads YAML so that every key and list item is known by its line; refuses what a safety file should not contain.

Built on the parser's events instead of a loader: aliases, tags and deep nesting are refused before they cost anything.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from config.findings import NOTHING, Findings, Plain
from model.errors import Place

SIZE_BYTES_MAX = 1_000_000
DEPTH_MAX = 16

Scalar: TypeAlias = str | int | float | bool | None
Data: TypeAlias = "Scalar | list[Data] | dict[str, Data]"
Loc: TypeAlias = tuple[str | int, ...]


def dotted(loc: Loc) -> str:
    """``("sensors", 3, "kind")`` -> ``sensors[3].kind``."""
    key = ""
    for part in loc:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    return key


@dataclass(slots=True)
class Document:
    """What a file says, and where it says so."""

    file: str
    data: Data = None
    lines: dict[Loc, int] = field(default_factory=dict)

    def at(self, *loc: str | int) -> Data:
        """What stands at ``loc``; None where nothing does."""
        data = self.data
        for part in loc:
            if isinstance(data, dict) and isinstance(part, str):
                data = data.get(part)
            elif isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data):
                data = data[part]
            else:
                return None
        return data

    def place(self, *loc: str | int) -> Place:
        """Where ``loc`` stands; for what is missing, the line of the nearest thing around it."""
        known = loc
        while known and known not in self.lines:
            known = known[:-1]
        return Place(self.file, self.lines.get(known, 0), dotted(loc))


@dataclass(frozen=True, slots=True)
class Spot:
    """A part of a document; called, it tells where something in it stands."""

    document: Document
    loc: Loc

    def __call__(self, *inside: str | int) -> Place:
        return self.document.place(*self.loc, *inside)


def read_yaml(path: Path, findings: Findings) -> Document | None:
    """Read one YAML file of configuration.

    Returns:
        None when the file cannot be used at all; what is wrong stands in ``findings``.

    """
    text = read_text(path, findings, size_bytes_max=SIZE_BYTES_MAX)
    if text is None or not _indented_with_spaces(path, text, findings):
        return None
    document = Document(str(path))
    errors_before = len(findings.errors)
    try:
        builder = _Builder(document, findings)
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except _Stop:
        return None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = re.sub(r"\s+", " ", str(error.problem or error.context or "it cannot be read")).strip()
        findings.error(Place(str(path), mark.line + 1 if mark else 0, ""), f"must be YAML: {problem}", _at(text, mark))
        return None
    except YAMLError as error:
        findings.error(Place(str(path), 0, ""), f"must be YAML: {str(error).splitlines()[0]}", NOTHING)
        return None
    return document if len(findings.errors) == errors_before else None


def read_text(path: Path, findings: Findings, *, size_bytes_max: int) -> str | None:
    """Read a text file of bounded size, in UTF-8."""
    place = Place(str(path), 0, "")
    try:
        with path.open("rb") as file:
            content = file.read(size_bytes_max + 1)
    except OSError as error:
        findings.error(place, "must be a file that can be read", Plain((error.strerror or "an error").lower()))
        return None
    if len(content) > size_bytes_max:
        findings.error(
            place, f"may have {size_bytes_max:,} bytes; long sensor lists belong in sensors_csv", Plain("more")
        )
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        given = Plain(f"byte 0x{content[error.start]:02x}")
        findings.error(Place(str(path), line, ""), "must be text in UTF-8", given)
        return None


def _indented_with_spaces(path: Path, text: str, findings: Findings) -> bool:
    clean = True
    for number, line in enumerate(text.splitlines(), 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip():
            findings.error(Place(str(path), number, ""), "must be indented with spaces", Plain("a tab"))
            clean = False
    return clean


def _at(text: str, mark: object) -> str:
    line = getattr(mark, "line", None)
    lines = text.splitlines()
    return lines[line].strip()[:80] if isinstance(line, int) and line < len(lines) else NOTHING


class _Stop(Exception):
    """The rest of the file makes no sense."""


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not been reached."""

    loc: Loc
    content: list[Data] | dict[str, Data]
    key: str | None = None
    duplicate: bool = False


class _Builder:
    """Turns parser events into data and lines without recursion."""

    def __init__(self, document: Document, findings: Findings) -> None:
        self._document = document
        self._findings = findings
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 0
        match event:
            case DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._stop(line, "must hold one YAML document", Plain("a second one"))
            case AliasEvent():
                self._stop(line, "must not use aliases; write the value out", f"*{event.anchor}")
            case NodeEvent() if getattr(event, "anchor", None):
                self._stop(line, "must not use anchors; write the value out", f"&{event.anchor}")
            case ScalarEvent():
                self._scalar(event, line)
            case MappingStartEvent() | SequenceStartEvent():
                self._begin(event, line)
            case MappingEndEvent() | SequenceEndEvent():
                self._open.pop()

    def _stop(self, line: int, requirement: str, given: object) -> None:
        self._findings.error(Place(self._document.file, line, dotted(self._loc())), requirement, given)
        raise _Stop

    def _loc(self) -> Loc:
        """Where the next value will stand."""
        if not self._open:
            return ()
        top = self._open[-1]
        if isinstance(top.content, list):
            return (*top.loc, len(top.content))
        return top.loc if top.key is None else (*top.loc, top.key)

    def _begin(self, event: MappingStartEvent | SequenceStartEvent, line: int) -> None:
        if event.tag is not None and not event.implicit:
            self._stop(line, "must not carry a YAML tag", str(event.tag))
        if self._awaits_key():
            self._stop(line, "must have plain words as keys", Plain("a list or mapping as a key"))
        if len(self._open) >= DEPTH_MAX:
            self._stop(line, f"may be nested {DEPTH_MAX} levels deep", Plain("more"))
        loc = self._loc()
        content: list[Data] | dict[str, Data] = {} if isinstance(event, MappingStartEvent) else []
        self._store(content, line)
        self._open.append(_Open(loc, content))

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].content, dict) and self._open[-1].key is None

    def _scalar(self, event: ScalarEvent, line: int) -> None:
        if event.tag is not None:
            self._stop(line, "must not carry a YAML tag", str(event.tag))
        if not self._awaits_key():
            self._store(_resolve(event.value) if event.implicit[0] else event.value, line)
            return
        if event.value == "<<" and event.implicit[0]:
            self._stop(line, "must not merge mappings; write the keys out", "<<")
        top = self._open[-1]
        top.key = event.value
        loc = (*top.loc, event.value)
        top.duplicate = event.value in top.content
        if top.duplicate:
            place = Place(self._document.file, line, dotted(loc))
            first = self._document.lines[loc]
            self._findings.error(place, f"must be given once, first given on line {first}", Plain("it again"))
        else:
            self._document.lines[loc] = line

    def _store(self, value: Data, line: int) -> None:
        loc = self._loc()
        if not self._open:
            self._document.data = value
            self._document.lines[()] = line
            return
        top = self._open[-1]
        if isinstance(top.content, list):
            self._document.lines[loc] = line
            top.content.append(value)
        elif top.key is not None:
            if not top.duplicate:
                top.content[top.key] = value
            top.key = None


_INTEGER = re.compile(r"[-+]?\d+\Z")
_FLOAT = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?\Z")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), math.inf),
    "-.inf": -math.inf,
    ".nan": math.nan,
}
_DIGITS_MAX = 30


def _resolve(text: str) -> Scalar:
    """Type of a plain scalar by the YAML 1.2 core schema (section 10.3.2), without octal and hexadecimal."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _DIGITS_MAX:
        return text
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return text
