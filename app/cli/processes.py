"""``fengsui run`` and the processes it supervises, and ``fengsui warm``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from app import configured
from app.cli.screen import CONFIG_DEFAULT, ConfigOption, LangOption, language, out, say, set_up_logging
from app.supervise import Supervisor, children, claim

#: What we write may tell who was warned of what: not for everybody on this machine.
UMASK = 0o027

SupervisedOption = Annotated[bool, typer.Option("--supervised", help="End when standard input closes.")]
PulseOption = Annotated[
    int, typer.Option("--pulse", help="File to write a byte to each second that all goes on.", hidden=True)
]


def run(config: ConfigOption = CONFIG_DEFAULT) -> None:
    """运行：监护流水线、投递、归档各进程。Run: supervise pipeline, delivery and archiver."""
    _begin()
    settings = configured.read(config)
    claim(settings.data_dir)
    raise typer.Exit(Supervisor(children(config, with_archive=settings.archive.enabled)).run())


def pipeline(
    config: ConfigOption = CONFIG_DEFAULT, *, supervised: SupervisedOption = False, pulse: PulseOption = -1
) -> None:
    """只运行流水线。The pipeline alone: sources, journal, step, store."""
    from app.processes import run_pipeline

    _begin()
    run_pipeline(config, supervised=supervised, pulse=pulse)


def delivery(
    config: ConfigOption = CONFIG_DEFAULT, *, supervised: SupervisedOption = False, pulse: PulseOption = -1
) -> None:
    """只运行投递。The delivery alone: outbox and cursors to the sinks."""
    from app.processes import run_delivery

    _begin()
    run_delivery(config, supervised=supervised, pulse=pulse)


def archiver(
    config: ConfigOption = CONFIG_DEFAULT, *, supervised: SupervisedOption = False, pulse: PulseOption = -1
) -> None:
    """只运行归档。The archiver alone: journal to Parquet."""
    from app.archiving import run_archiver

    _begin()
    run_archiver(config, supervised=supervised, pulse=pulse)


def _begin() -> None:
    os.umask(UMASK)
    set_up_logging()


def warm(lang: LangOption = "") -> None:
    """预先编译内核。Compile the kernels, so that the first alarm does not wait for it."""
    from app.jobs.warm import warm as compile_kernels

    out.print(say("warmed", language(lang), n=compile_kernels()))
