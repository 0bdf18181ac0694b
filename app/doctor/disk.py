"""The folder that everything is kept in: can it be written, is a sync honest and quick, is there room."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from app.doctor.finding import Finding, fail, ok, warn
from config.settings import Settings
from model.text import Text

_MEMORY = frozenset({"tmpfs", "ramfs"})
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "vboxsf", "virtiofs"})
_SYNCS, _SYNC_S_MAX = 10, 0.05
_FREE_PART_MIN, _FREE_BYTES_MIN = 0.1, 500_000_000


def disk(configured: Settings) -> list[Finding]:
    folder = configured.data_dir
    place = next(one for one in [folder, *folder.parents] if one.exists())
    return [_writable(place), _file_system(place), _room(place, configured)]


def _writable(place: Path) -> Finding:
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".doctor-") as file:
            took_s = []
            for _ in range(_SYNCS):
                file.write(b"x" * 4096)
                file.flush()
                begun_s = time.perf_counter()
                os.fsync(file.fileno())
                took_s.append(time.perf_counter() - begun_s)
    except OSError as error:
        return fail(
            "folder",
            Text(f"{place} 不可写：{error}", f"{place} cannot be written: {error}"),
            Text("修改 data_dir 或其所有者", "change data_dir, or its owner"),
        )
    sync_s = statistics.median(took_s)
    found = Text(
        f"{place} 可写，落盘 {sync_s * 1e3:.1f} 毫秒", f"{place} can be written, a sync takes {sync_s * 1e3:.1f} ms"
    )
    if sync_s > _SYNC_S_MAX:
        return warn(
            "folder",
            found,
            Text(
                "磁盘太慢：每条读数确认前都要落盘。请换用本地 SSD",
                "the disk is slow, and nothing is acknowledged before a sync: use a local SSD",
            ),
        )
    return ok("folder", found.zh, found.en)


def _file_system(place: Path) -> Finding:
    kind = file_system(place)
    if kind in _MEMORY:
        return fail(
            "file_system",
            Text(f"{place} 在内存中（{kind}），断电即失", f"{place} is in memory ({kind}): a power cut takes it"),
            Text("把 data_dir 放到磁盘上", "put data_dir on a disk"),
        )
    if kind in _REMOTE:
        return warn(
            "file_system",
            Text(f"{place} 在 {kind} 上", f"{place} is on {kind}"),
            Text(
                "数据库与日志需要本地磁盘：网络文件系统的锁与落盘不可靠",
                "locks and syncs over a network cannot be trusted: use a local disk",
            ),
        )
    return ok("file_system", f"文件系统 {kind}", f"file system {kind}")


def file_system(place: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Type of the file system that holds a path; empty where the kernel does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    held = [
        line.split(" ") for line in lines if place.resolve().is_relative_to(line.split(" ")[1].replace("\\040", " "))
    ]
    return max(held, key=lambda fields: len(fields[1]))[2] if held else ""


def _room(place: Path, configured: Settings) -> Finding:
    usage = shutil.disk_usage(place)
    kept = sum(path.stat().st_size for path in (configured.data_dir / "journal").glob("*.seg"))
    may_come = max(0, (configured.journal.bytes_max or kept) - kept)
    free = Text(f"剩余 {usage.free / 1e9:.1f} GB", f"{usage.free / 1e9:.1f} GB free")
    if usage.free < _FREE_BYTES_MIN:
        return fail(
            "room",
            free,
            Text("磁盘将满：满后不再确认读数。请清理", "nothing is acknowledged on a full disk: make room"),
        )
    if usage.free < may_come or usage.free < usage.total * _FREE_PART_MIN:
        return warn(
            "room",
            Text(
                f"{free.zh}，日志还可增长 {may_come / 1e9:.1f} GB",
                f"{free.en}, and the journal may grow by {may_come / 1e9:.1f} GB",
            ),
            Text(
                "调低 journal.keep_bytes 与 journal.bytes_max，或换大磁盘",
                "lower journal.keep_bytes and journal.bytes_max, or take a larger disk",
            ),
        )
    return ok("room", free.zh, free.en)
