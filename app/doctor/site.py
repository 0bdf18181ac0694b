"""A configured site: its files, its stores, the pipeline that runs or does not, and both sides it talks to."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from app.client import PipelineClient
from app.configured import Paths, build, read
from app.doctor.disk import disk
from app.doctor.finding import Finding, Verdict, fail, ok, warn
from config.plan import load_configuration
from config.settings import Connection, Settings
from model.connector import Probe
from model.errors import ConfigError, ConfigErrors, FengsuiError
from model.text import Text
from store.delivery_store import DeliveryReader
from store.journal.survey import survey
from store.pipeline_reader import PipelineReader

#: Newest segments of the journal that are read through; ``fengsui journal verify`` reads all.
_SEGMENTS = 2
_SECRETS = ("password_file", "token_file", "secret_file", "key_file")
_PROBES_AT_ONCE = 8


def site(config: Path) -> list[Finding]:
    """Everything about a configuration; with one that does not read, that alone."""
    try:
        configured = read(config)
        loaded = load_configuration(configured)
    except (ConfigError, ConfigErrors) as error:
        mend = Text("按提示改正后运行 fengsui check", "mend it as it says, then `fengsui check`")
        return [fail("configuration", Text(str(error), str(error)), mend)]
    except FengsuiError as error:
        return [fail("configuration", Text(str(error), str(error)), Text("检查该文件", "look at that file"))]
    sensors, rules = len(loaded.plan.sensors), len(loaded.plan.rules)
    found = [ok("configuration", f"{sensors} 个测点，{rules} 条规则", f"{sensors} sensors, {rules} rules")]
    mend = Text("见 docs/rules.md", "see docs/rules.md")
    found += [warn("configuration", Text(str(one), str(one)), mend) for one in loaded.warnings]
    running = _running(configured)
    found += [*disk(configured), *_secrets(configured), running, *_stores(configured)]
    return [*found, *_ports(configured, runs=running.verdict is Verdict.OK), *_other_sides(configured)]


def _secrets(configured: Settings) -> list[Finding]:
    named = [
        (f"{one.name}.{key}", path)
        for one in (*configured.sources, *configured.sinks)
        for key, path in _paths(one.settings)
        if key in _SECRETS
    ]
    bad = [finding for name, path in named if (finding := _secret(name, path)) is not None]
    return bad or [ok("secrets", f"{len(named)} 个密钥文件，权限正确", f"{len(named)} files, for their owner alone")]


def _secret(name: str, path: Path) -> Finding | None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        said = f"{name}: {path}: {error.strerror}"
        return fail("secrets", Text(said, said), Text("建立该文件", "make that file"))
    rights = stat.S_IMODE(mode)
    if rights & (stat.S_IRWXO | stat.S_IWGRP):
        return fail(
            "secrets",
            Text(f"{name}：{path} 人人可读（{rights:04o}）", f"{name}: {path} is open to others ({rights:04o})"),
            Text(f"chmod 0400 {path}", f"chmod 0400 {path}"),
        )
    return None


def _paths(settings: BaseModel) -> Iterator[tuple[str, Path]]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Path):
            yield name, value


def _running(configured: Settings) -> Finding:
    try:
        status = PipelineClient(configured.socket).status()
    except FengsuiError as error:
        mend = Text("fengsui run，或查看其日志", "`fengsui run`, or look at its log")
        return warn("pipeline", Text(f"流水线没有应答：{error}", str(error)), mend)
    up_s = status.get("uptime_s", 0)
    return ok("pipeline", f"流水线已运行 {up_s:.0f} 秒", f"the pipeline has been up for {up_s:.0f} s")


def _stores(configured: Settings) -> list[Finding]:
    paths = Paths.under(configured.data_dir)
    if not paths.pipeline_db.exists():
        return [ok("stores", "尚无数据：从未运行", "nothing is kept yet: it has never run")]
    found: list[Finding] = []
    try:
        PipelineReader(paths.pipeline_db).close()
        if paths.delivery_db.exists():
            found += _dead_letters(configured, paths)
        segments = survey(paths.journal, newest=_SEGMENTS)
    except (FengsuiError, SQLAlchemyError, OSError) as error:
        return [
            *found,
            fail("stores", Text(str(error), str(error)), Text("见 docs/operations.md 备份一节", "restore a backup")),
        ]
    damage = [one for each in segments for one in each.damage]
    if damage:
        said = f"{damage[0].segment}: {damage[0].reason.value} ({len(damage)})"
        mend = Text("fengsui journal verify；立即检查磁盘", "`fengsui journal verify`; look at the disk now")
        return [*found, fail("journal", Text(f"日志有损坏：{said}", f"the journal is damaged: {said}"), mend)]
    readings = sum(each.readings for each in segments)
    return [
        *found,
        ok(
            "journal",
            f"最新 {len(segments)} 个文件完好（{readings} 条读数）",
            f"newest {len(segments)} files are sound ({readings} readings)",
        ),
    ]


def _dead_letters(configured: Settings, paths: Paths) -> list[Finding]:
    reader = DeliveryReader(paths.delivery_db)
    counts = {sink.name: reader.counts(sink.name) for sink in configured.sinks}
    reader.close()
    return [
        warn(
            "dead_letters",
            Text(
                f"{name}：{count.dead} 条通知已放弃（{count.last_error}）",
                f"{name}: {count.dead} messages given up ({count.last_error})",
            ),
            Text("见 docs/operations.md 死信一节", "see Dead letters in docs/operations.md"),
        )
        for name, count in counts.items()
        if count.dead
    ]


def _ports(configured: Settings, *, runs: bool) -> list[Finding]:
    found = []
    for address in (configured.metrics.pipeline, configured.metrics.delivery):
        host, _, port = address.rpartition(":")
        taken = _taken(host, int(port))
        if taken and not runs:
            mend = Text("结束占用者，或在 metrics 中改端口", "end who holds it, or set another one in metrics")
            found.append(fail("ports", Text(f"{address} 已被占用：{taken}", f"{address} is taken: {taken}"), mend))
    return found or [ok("ports", "指标端口可用", "the metrics ports are ours")]


def _taken(host: str, port: int) -> str:
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return ""
    except OSError as error:
        return str(error.strerror)


def _other_sides(configured: Settings) -> list[Finding]:
    every = (*configured.sources, *configured.sinks)
    with ThreadPoolExecutor(_PROBES_AT_ONCE) as pool:
        return [finding for found in pool.map(_other_side, every) for finding in found]


def _other_side(connection: Connection) -> list[Finding]:
    """Try it out; what a broker says of itself comes along."""
    try:
        probe: Probe = build(connection).probe()
    except (FengsuiError, OSError) as error:
        probe = Probe(ok=False, message=str(error))
    name = "sinks" if connection.place.key.startswith("sinks") else "sources"
    said = f"{connection.name} ({connection.connector}): {probe.message}"
    if not probe.ok:
        mend = Text(
            "检查地址、网络、口令与证书；再用 fengsui probe 试",
            "address, network, password, certificate; then `fengsui probe`",
        )
        return [fail(name, Text(said, said), mend)]
    mend = Text("见 docs/operations.md 代理一节", "see The broker in docs/operations.md")
    warnings = [
        warn(name, Text(f"{connection.name}: {one}", f"{connection.name}: {one}"), mend) for one in probe.warnings
    ]
    return [*warnings] if warnings else [ok(name, said, said)]
