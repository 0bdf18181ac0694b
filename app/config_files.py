"""The files of the configuration: whether they have changed, cheaply, and what they say, read in a process of its own.

To read a large registry takes seconds of pure Python. In the pipeline's own process that would hold up the rounds, so
another process reads and checks, and hands over the finished plan.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.configured import read
from config.packs import folder_of
from config.settings import Settings
from model.errors import FengsuiError
from model.plan import Plan

READ_S_MAX = 1800.0
_NAME = "configuration.json"
_SENSORS_CSV = re.compile(rb"^sensors_csv:[ \t]*([^\s#]+)", re.MULTILINE)


class FilesWrong(FengsuiError):
    """The files cannot be used; the text has file, line, key and what must be mended."""


@dataclass(frozen=True, slots=True)
class FilesRead:
    """What the files say."""

    plan: Plan
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Warmed:
    """A state that changed detectors begin with.

    Attributes:
        sha256: of it; empty = nothing could be warmed.
        detectors: that it holds.
        readings: that they have seen.

    """

    sha256: str = ""
    detectors: tuple[str, ...] = ()
    readings: int = 0


@dataclass(frozen=True, slots=True)
class FilesKnown:
    """Files that were read once: their checksum, and the version of the plan that they make."""

    sha256: str
    version: str


def read_apart(config: Path, *, tests: bool) -> FilesRead:
    """Read and check the files in a process of its own, with the packs' own tests if they are wanted.

    Raises:
        FilesWrong: all that is wrong with them.

    """
    command = [sys.executable, "-m", "app.cli", "read-plan", "--config", str(config)]
    try:
        done = subprocess.run(  # noqa: S603 - our own command line
            [*command, "--tests"] if tests else command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=READ_S_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FengsuiError(f"{config}: was not read within {READ_S_MAX:g} s") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise FilesWrong(said or f"{config}: could not be read, exit code {done.returncode}")
    return msgspec.json.decode(done.stdout, type=FilesRead)


def warm_apart(config: Path, plan: Plan, seconds_max: float) -> Warmed:
    """Warm the detectors that a plan begins anew, in a process of its own.

    Raises:
        FengsuiError: it could not be done, or not in that time.

    """
    command = [sys.executable, "-m", "app.cli", "warm-detectors", "--config", str(config)]
    try:
        done = subprocess.run(  # noqa: S603 - our own command line
            command, input=msgspec.json.encode(plan), capture_output=True, timeout=seconds_max, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise FengsuiError(f"took longer than changes.warm_s_max ({seconds_max:g} s)") from error
    if done.returncode:
        raise FengsuiError(done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}")
    return msgspec.json.decode(done.stdout, type=Warmed)


def look(config: Path, before: Settings) -> tuple[Settings, str]:
    """The settings that say which files count, and a mark that changes when one of these is written."""
    try:
        settings = read(config)
    except FengsuiError:
        settings = before  # what is wrong with it is told by whoever reads all of it
    return settings, _digest(_marks(settings))


def checksum(settings: Settings) -> str:
    """SHA-256 over the files' contents."""
    return _digest(_contents(settings))


def known(data_dir: Path) -> FilesKnown | None:
    """What was noted last."""
    try:
        return msgspec.json.decode((data_dir / _NAME).read_bytes(), type=FilesKnown)
    except (OSError, msgspec.DecodeError):
        return None


def note(data_dir: Path, files: FilesKnown) -> None:
    """Note what the files say, so that the next start need not read them; a loss costs one reading."""
    partial = data_dir / f"{_NAME}.part"
    partial.write_bytes(msgspec.json.encode(files))
    partial.replace(data_dir / _NAME)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _paths(settings: Settings) -> list[Path]:
    """All of them; the list of sensors is found without parsing the registry, which may be large."""
    paths = [settings.file, settings.registry]
    try:
        named = _SENSORS_CSV.search(settings.registry.read_bytes())
    except OSError:
        named = None
    if named:
        paths.append(settings.registry.parent / named[1].decode(errors="replace").strip("\"'"))
    for name in settings.packs:
        paths += sorted(folder_of(name, settings.file.parent).glob("*.y*ml"))
    return paths


def _marks(settings: Settings) -> Iterable[bytes]:
    for path in _paths(settings):
        try:
            found = path.stat()
        except OSError:
            yield f"{path} -".encode()
        else:
            yield f"{path} {found.st_ino} {found.st_size} {found.st_mtime_ns}".encode()


def _contents(settings: Settings) -> Iterable[bytes]:
    yield repr(settings.heartbeat is not None).encode()
    for path in _paths(settings):
        yield str(path).encode()
        try:
            yield path.read_bytes()
        except OSError as error:
            yield str(error).encode()
