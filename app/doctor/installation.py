"""The installation itself: versions, the receive path, compiled kernels, the clock of this machine."""

from __future__ import annotations

import ctypes
import os
import platform
import sqlite3
import sys
import time
from importlib.metadata import version

from app.doctor.finding import Finding, fail, ok, warn
from connectors.mqtt.broker import reads_frames
from connectors.mqtt.frames import kernels_from_cache
from model.text import Text

_PYTHON_MIN = (3, 11)
#: From here on two connections that write cannot corrupt a WAL.
_SQLITE_SOUND = (3, 51, 3)
_PACKAGES = ("numpy", "numba", "paho-mqtt", "SQLAlchemy", "pydantic", "pyarrow")
_YEAR_2024_S = 1_704_067_200

#: ``adjtimex(2)``: nothing is set, and these two fields are read.
_TIMEX_BYTES, _OFFSET_AT, _STATUS_AT = 208, 8, 40
_STA_UNSYNC, _STA_NANO = 0x0040, 0x2000
_OFFSET_S_MAX = 0.1
#: How far the wall clock may run from the monotonic one while we look, in parts.
_LOOK_S, _DRIFT_MAX = 0.2, 0.02


def installation() -> list[Finding]:
    return [_python(), _packages(), _sqlite(), _receive_path(), _kernels(), *_clock()]


def _python() -> Finding:
    said = f"Python {platform.python_version()}, Linux {platform.release()}"
    if sys.version_info < _PYTHON_MIN:
        return fail("python", Text(said, said), Text("请换用 Python 3.11 或更新版本", "use Python 3.11 or newer"))
    return ok("python", said, said)


def _packages() -> Finding:
    said = ", ".join(f"{name} {version(name)}" for name in ("fengsui", *_PACKAGES))
    return ok("packages", said, said)


def _sqlite() -> Finding:
    said = f"SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info >= _SQLITE_SOUND:
        return ok("sqlite", said, said)
    return warn(
        "sqlite",
        Text(
            f"{said} 早于 3.51.3：两个连接同时写可损坏 WAL；烽燧每个文件只有一个写者并加锁",
            f"{said} is older than 3.51.3: two connections that write may corrupt a WAL; "
            "Fengsui has one writer a file and locks it",
        ),
        Text("不要用其他程序写这些数据库", "let no other program write these databases"),
    )


def _receive_path() -> Finding:
    if reads_frames():
        return ok("receive_path", "成批读取 MQTT 报文", "MQTT packets are read many at a time")
    return warn(
        "receive_path",
        Text(
            "此 paho-mqtt 没有所需的内部接口，逐条读取，慢得多",
            "this paho-mqtt lacks what is needed: packets are read one by one",
        ),
        Text("按 requirements.lock 安装 paho-mqtt", "install the paho-mqtt of requirements.lock"),
    )


def _kernels() -> Finding:
    if kernels_from_cache():
        return ok("kernels", "内核已预先编译", "kernels are compiled")
    return warn(
        "kernels",
        Text(
            "内核未在缓存中，启动时要编译数十秒",
            "the kernels are not in the cache; a start compiles them for some tens of seconds",
        ),
        Text("运行 fengsui warm；NUMBA_CACHE_DIR 须可写", "run `fengsui warm`; NUMBA_CACHE_DIR must be writable"),
    )


def _clock() -> list[Finding]:
    return [_pace(), _synchronised()]


def _pace() -> Finding:
    """The wall clock is of this time, and runs as the monotonic one does."""
    if time.time() < _YEAR_2024_S:
        return fail(
            "clock",
            Text("本机时钟早于 2024 年", "this machine's clock stands before 2024"),
            Text("校正时间，安装 chrony", "set the time, install chrony"),
        )
    wall_s, monotonic_s = time.time(), time.monotonic()
    time.sleep(_LOOK_S)
    drift_s = (time.time() - wall_s) - (time.monotonic() - monotonic_s)
    if abs(drift_s) > _LOOK_S * _DRIFT_MAX:
        return fail(
            "clock",
            Text(
                f"墙钟与单调时钟在 {_LOOK_S} 秒内相差 {drift_s:.3f} 秒",
                f"wall and monotonic clock parted by {drift_s:.3f} s",
            ),
            Text("有程序在拨动时钟；请用 chrony 缓慢校正", "something steps the clock; let chrony slew it"),
        )
    return ok("clock", "墙钟与单调时钟一致", "wall and monotonic clock run alike")


def _synchronised() -> Finding:
    """What the kernel knows of the clock's discipline (``adjtimex``)."""
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    if ctypes.CDLL(None, use_errno=True).adjtimex(buffer) < 0:
        reason = os.strerror(ctypes.get_errno())
        return warn(
            "time_server",
            Text(f"无法得知时钟是否同步（{reason}）", f"whether the clock is synchronised cannot be known ({reason})"),
            Text("在主机上查看 chronyc tracking", "look at `chronyc tracking` on the host"),
        )
    status = ctypes.c_int.from_buffer(buffer, _STATUS_AT).value
    offset = ctypes.c_long.from_buffer(buffer, _OFFSET_AT).value
    offset_s = offset / (1e9 if status & _STA_NANO else 1e6)
    if status & _STA_UNSYNC:
        return warn(
            "time_server",
            Text("时钟未与时间服务器同步", "the clock is not synchronised with a time server"),
            Text(
                "安装并启用 chrony；读数的先后与延迟都以本机时钟为准",
                "install and enable chrony; lateness is judged by this clock",
            ),
        )
    if abs(offset_s) > _OFFSET_S_MAX:
        return warn(
            "time_server",
            Text(f"时钟偏差 {offset_s:.3f} 秒", f"the clock is off by {offset_s:.3f} s"),
            Text("查看 chronyc tracking", "look at `chronyc tracking`"),
        )
    return ok(
        "time_server", f"时钟已同步，偏差 {offset_s * 1e3:.2f} 毫秒", f"synchronised, off by {offset_s * 1e3:.2f} ms"
    )
