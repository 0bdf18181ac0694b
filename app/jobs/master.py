"""``fengsui rules``: the master alarm database out to a sheet and back as a proposal."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from config.findings import Findings
from config.master.changes import Defaults, Difference, Proposal, compare, write_proposal
from config.master.rows import Row, rows_of
from config.master.table import read_table, write_csv, write_xlsx
from config.plan import load_configuration
from config.settings import Settings
from model.errors import ConfigError, FengsuiError, Place
from model.plan import Plan


class SheetError(FengsuiError):
    """A sheet cannot be written so."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a sheet brought: differences, the files of the proposal, and what is allowed but looks wrong."""

    differences: list[Difference]
    files: list[Path]
    warnings: list[ConfigError]


def export(plan: Plan, file: Path, lang: str, *, sensors: bool) -> int:
    """Write the master alarm database; returns the number of rows.

    Raises:
        SheetError: the file has no known ending, or the sheet cannot hold so many rows.

    """
    rows: Iterable[Row] = rows_of(plan, sensors=sensors)
    ending = file.suffix.lower()
    if ending not in (".csv", ".xlsx"):
        raise SheetError(f"{file}: must end in .csv or .xlsx, got {ending or 'nothing'!r}")
    try:
        return write_csv(file, rows, lang) if ending == ".csv" else write_xlsx(file, rows, lang)
    except ValueError as error:
        raise SheetError(f"{file}: {error}") from error


def bring_in(settings: Settings, file: Path, out: Path, defaults: Defaults) -> Imported:
    """Make a proposal of what was changed in a sheet; without changes, nothing is written.

    Args:
        settings: whose packs and registry are meant.
        file: .csv or .xlsx.
        out: folder to make.
        defaults: for changes of settings.

    Raises:
        ConfigErrors: all that is wrong with the sheet, or with the packs and the proposal together.
        SheetError: the folder is there already.

    """
    findings = Findings()
    given = read_table(file, findings)
    findings.raise_errors()
    plan = load_configuration(settings).plan
    sensors = any(one.row["tag"] for one in given)
    proposal = compare(given, rows_of(plan, sensors=sensors), defaults, findings)
    findings.raise_errors()
    if not proposal.differences:
        return Imported([], [], [])
    if out.exists() and any(out.iterdir()):
        raise SheetError(f"{out}: must be a folder that is not there yet, or is empty")
    files, warnings = _checked(settings, plan, proposal, out)
    return Imported(proposal.differences, files, warnings)


def _checked(settings: Settings, plan: Plan, proposal: Proposal, out: Path) -> tuple[list[Path], list[ConfigError]]:
    """Write the proposal and let the packs be read with it, before it stands where it should."""
    on_assets = frozenset(rule.id for rule in plan.rules if rule.assets)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / out.name
        folder.mkdir()
        written = write_proposal(folder, proposal, [one.id for one in plan.overrides], on_assets)
        place = Place(str(settings.file), 0, "packs")
        together = replace(settings, packs=(*settings.packs, str(folder)), pack_places=(*settings.pack_places, place))
        warnings = load_configuration(together).warnings
        out.mkdir(parents=True, exist_ok=True)
        files = [out / file.name for file in written]
        for source, target in zip(written, files, strict=True):
            shutil.copyfile(source, target)
    own = [warning for warning in warnings if warning.place.file.startswith(made)]
    return files, own
