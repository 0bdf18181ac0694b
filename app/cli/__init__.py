"""The command line.

Exit codes: 0 done, 1 it did not work, 2 wrong configuration or use, 3 nothing such is there, 4 outcome unknown.

Commands import what is slow to import when they run, so that a question to the store is answered at once.
"""

from __future__ import annotations

import sys

import typer

from app.cli import (
    alarm_acts,
    alarms,
    apply,
    archive,
    backtest,
    backup,
    capability,
    check,
    demo,
    doctor,
    evaluate,
    incidents,
    journal,
    probe,
    processes,
    propose,
    quality,
    quality_stuck,
    replay,
    report,
    report_verdicts,
    rules,
    shadow,
    status,
    tune,
)
from app.cli.screen import EXIT_CONFIG, EXIT_FAILED, complain, set_up_logging
from app.house import check_rooms
from model.errors import ConfigError, ConfigErrors, FengsuiError

app = typer.Typer(
    name="fengsui",
    help="烽燧 Fengsui: 城市安全实时监测预警。Real-time safety monitoring and early warning.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("run")(processes.run)
app.command("check")(check.check)
app.command("diff")(apply.diff)
app.command("apply")(apply.apply)
app.command("shadow")(shadow.shadow)
app.command("probe")(probe.probe)
app.command("doctor")(doctor.doctor)
app.command("replay")(replay.replay)
app.command("evaluate")(evaluate.evaluate)
app.command("tune")(tune.tune)
app.command("backtest")(backtest.backtest)
for _name, _command in alarm_acts.COMMANDS.items():
    alarms.app.command(_name)(_command)
app.command("propose")(propose.propose)
app.add_typer(alarms.app, name="alarms")
report.app.command("verdicts")(report_verdicts.verdicts)
app.add_typer(incidents.app, name="incidents")
app.add_typer(report.app, name="report")
app.add_typer(rules.app, name="rules")
app.command("status")(status.status)
app.command("capability")(capability.capability)
app.add_typer(journal.app, name="journal")
app.add_typer(archive.app, name="archive")
quality.app.command("stuck")(quality_stuck.stuck)
app.add_typer(quality.app, name="quality")
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("warm")(processes.warm)
app.command("read-plan", hidden=True)(apply.read_plan)
app.command("warm-detectors", hidden=True)(apply.warm_detectors)
app.command("pipeline", hidden=True)(processes.pipeline)
app.command("delivery", hidden=True)(processes.delivery)
app.command("archiver", hidden=True)(processes.archiver)


def main() -> None:
    """Run; every error of ours ends in one sentence, never in a traceback."""
    set_up_logging()
    try:
        check_rooms()
        app()
    except (ConfigError, ConfigErrors) as error:
        complain(str(error))
        sys.exit(EXIT_CONFIG)
    except FengsuiError as error:
        complain(str(error))
        sys.exit(EXIT_FAILED)
