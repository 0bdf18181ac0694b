"""Reads and checks the configuration files for a pipeline that must go on meanwhile."""

from __future__ import annotations

from pathlib import Path

from app.config_files import FilesRead
from app.configured import read
from app.jobs.check_packs import check
from config.plan import as_run, load_configuration
from model.errors import FengsuiError

COMPLAINTS_SHOWN = 10


def read_plan(config: Path, *, tests: bool) -> FilesRead:
    """Read the plan.

    Args:
        config: fengsui.yaml.
        tests: the packs' own tests must hold, too.

    Raises:
        ConfigErrors: all that is wrong with the files.
        FengsuiError: tests of the packs do not hold.

    """
    settings = read(config)
    loaded = load_configuration(settings)
    if tests and loaded.tests:
        report = check(settings.packs, settings.file.parent)
        failed = [f"{one.test.place}: {'; '.join(one.complaints)}" for one in report.results if not one.ok]
        if failed:
            more = [f"and {len(failed) - COMPLAINTS_SHOWN} more"] if len(failed) > COMPLAINTS_SHOWN else []
            raise FengsuiError("\n".join(["tests of the packs do not hold:", *failed[:COMPLAINTS_SHOWN], *more]))
    return FilesRead(as_run(loaded.plan, settings), tuple(str(one) for one in loaded.warnings))
