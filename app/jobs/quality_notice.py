"""The notice (通报) of data quality that an enterprise gets: Markdown, the same for the same figures."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from app.jobs.quality import Period
from model.plan import Plan
from model.sensor import Enterprise
from model.text import Text
from pipeline.quality.figures import By, Calibration, Group, Limits, SensorFigures, grouped

#: An enterprise with more has them in the CSV.
SENSORS_SHOWN_MAX = 200

_TITLE = Text("监测数据质量通报", "Notice on the quality of monitoring data")
_TO = Text("单位：", "To: ")
_CONTACT = Text("联系人：", "Contact: ")
_PERIOD = Text("统计时段：", "Period: ")
_FIGURES = Text("一、指标", "1. Figures")
_SENSORS = Text("二、未达标测点", "2. Sensors below the limits")
_CALIBRATIONS = Text("三、检定", "3. Calibration")
_ASKED = Text("四、要求", "4. What is asked of you")
_NONE = Text("无。", "None.")
_MORE = Text("另有 {count} 个未列出。", "{count} more are not shown.")
_FIGURE_HEAD = Text("指标 | 数值 | 限值 | 结论", "Figure | Value | Limit | Result")
_SENSOR_HEAD = Text(
    "测点 | 名称 | 类型 | 在线率 | 完整率 | 最后读数 | 最长中断",
    "Sensor | Name | Kind | Online | Complete | Last reading | Longest outage",
)
_CALIBRATION_HEAD = Text("测点 | 名称 | 有效期至 | 状态", "Sensor | Name | Valid until | State")
_MET, _NOT_MET = Text("达标", "met"), Text("未达标", "not met")
_ONLINE, _COMPLETE = Text("在线率", "Online"), Text("完整率", "Complete")
_REGISTERED, _HEARD = Text("登记测点", "Sensors registered"), Text("有数据测点", "Sensors heard")
_NEVER = Text("无数据测点", "Sensors never heard")
_LEFT_OUT = Text("不计在线率与完整率的测点", "Sensors not in online and complete")
_QUALITY = Text("读数良好/存疑/坏", "Readings good/uncertain/bad")
_OUTAGE = Text("最长中断", "Longest outage")
_DUE = Text("{days} 天内到期的检定", "Calibrations that end within {days} days")
_OVERDUE, _UNKNOWN = Text("超期的检定", "Calibrations overdue"), Text("有效期不明的检定", "Calibrations not known")
_SINCE = Text("{span}，自 {begin}", "{span} from {begin}")
_NOT_HEARD = Text("时段内无", "none in this period")
_STATES = {
    Calibration.OVERDUE: Text("超期", "overdue"),
    Calibration.DUE: Text("即将到期", "due"),
}
_SPAN = {
    "h": Text("{h} 小时 {min} 分", "{h} h {min} min"),
    "min": Text("{min} 分 {s} 秒", "{min} min {s} s"),
    "s": Text("{s} 秒", "{s} s"),
}
_ASK_HEARD = Text(
    "在线率未达标的测点（{count} 个）：查明并恢复其供电、通信或设备，书面说明原因与恢复时间。",
    "Sensors below the online limit ({count}): mend their power, link or device; say in writing what it was, and since "
    "when they are back.",
)
_ASK_COMPLETE = Text(
    "完整率未达标的测点（{count} 个）：检查采集周期与上传，补齐缺失。",
    "Sensors below the completeness limit ({count}): look at their scan period and upload; hand in what is missing.",
)
_ASK_BAD = Text("坏读数占 {share}：检查有关仪表。", "Bad readings ({share}): look at the instruments.")
_ASK_OVERDUE = Text(
    "检定超期的测点（{count} 个）：立即送检，并报送新证书。",
    "Calibrations overdue ({count}): have these sensors calibrated at once, and hand in the new certificates.",
)
_ASK_DUE = Text(
    "检定即将到期的测点（{count} 个）：在到期前完成检定。",
    "Calibrations that are due ({count}): have them done in time.",
)
_ASK_UNKNOWN = Text(
    "检定有效期不明的测点（{count} 个）：报送有效期。",
    "Calibrations not known ({count}): hand in until when they hold.",
)
_ASK_NOTHING = Text("各项指标达标，请继续保持。", "All limits are met; keep it so.")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$])")
#: From this share on bad readings are spoken of.
_BAD_MAX = 0.05


@dataclass(frozen=True, slots=True)
class Notice:
    """One enterprise's.

    Attributes:
        file: name that no id can lead elsewhere.
        text: Markdown.

    """

    file: str
    text: str


def notices(
    plan: Plan, sensors: Sequence[SensorFigures], period: Period, limits: Limits, language: str
) -> Iterator[Notice]:
    """One for each enterprise that has sensors, in the order of the plan."""
    enterprises = {one.id: one for one in plan.enterprises}
    for group in grouped(plan, list(sensors), By.ENTERPRISE, limits):
        own = sorted((one for one in sensors if one.enterprise == group.id), key=_worst_first)
        speak = _Speech(period, limits, language)
        lines = speak.notice(enterprises[group.id], group, own)
        yield Notice(file_name(group.id, period), "\n".join(lines) + "\n")


def file_name(enterprise: str, period: Period) -> str:
    """Day and enterprise; what could lead out of the folder, or is long, gives way to a hash."""
    safe = re.sub(r"[^\w-]", "_", enterprise)[:40]
    mark = "" if safe == enterprise else "-" + hashlib.sha256(enterprise.encode()).hexdigest()[:8]
    return f"{period.last_day}-{safe}{mark}.md"


def write(found: Iterable[Notice], folder: Path) -> list[Path]:
    """Write them, each whole or not at all.

    Raises:
        OSError: the folder cannot be written.

    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for notice in found:
        path = folder / notice.file
        partial = path.with_name(path.name + ".part")
        partial.write_text(notice.text, encoding="utf-8")
        partial.replace(path)
        written.append(path)
    return written


def percent(share: float | None) -> str:
    """Cut off, not rounded: what is below a limit never looks as if it were met."""
    return "-" if share is None else f"{math.floor(share * 10_000 + 1e-6) / 100:.2f} %"


def span(seconds: float, language: str) -> str:
    """A length of time, to the second."""
    whole = round(seconds)
    unit = "h" if whole >= 3600 else "min" if whole >= 60 else "s"
    return _SPAN[unit].say(language).format(h=whole // 3600, min=whole % 3600 // 60, s=whole % 60)


@dataclass(frozen=True, slots=True)
class _Speech:
    period: Period
    limits: Limits
    language: str

    def notice(self, enterprise: Enterprise, group: Group, own: Sequence[SensorFigures]) -> Iterator[str]:
        begin, end = self._time(self.period.from_ns), self._time(self.period.to_ns)
        yield from (f"# {self._say(_TITLE)}", "")
        yield f"- {self._say(_TO)}{self._name(enterprise.name)} ({_plain(enterprise.id)})"
        if enterprise.contact:
            yield f"- {self._say(_CONTACT)}{_plain(enterprise.contact)}"
        yield f"- {self._say(_PERIOD)}{begin} – {end} ({self.period.zone})"
        yield from ("", f"## {self._say(_FIGURES)}", "")
        yield from _table(self._say(_FIGURE_HEAD), self._figures(group))
        yield from ("", f"## {self._say(_SENSORS)}", "")
        yield from self._listed(_SENSOR_HEAD, [self._sensor(one) for one in own if one.is_short_of(self.limits)])
        yield from ("", f"## {self._say(_CALIBRATIONS)}", "")
        yield from self._listed(_CALIBRATION_HEAD, self._calibrations(own))
        yield from ("", f"## {self._say(_ASKED)}", "")
        yield from (f"{number}. {one}" for number, one in enumerate(self._asked(group, own), 1))

    def _figures(self, group: Group) -> Iterator[list[str]]:
        limits = self.limits
        yield self._against(_ONLINE, group.online, limits.online_min)
        yield self._against(_COMPLETE, group.completeness, limits.completeness_min)
        counts = [(_REGISTERED, group.sensors), (_HEARD, group.heard), (_NEVER, group.never_heard)]
        counts += [(_LEFT_OUT, group.not_judged)] if group.not_judged else []
        for what, count in counts:
            yield [self._say(what), str(count), "", ""]
        shares = " / ".join(percent(one) for one in (group.good, group.uncertain, group.bad))
        yield [self._say(_QUALITY), shares, "", ""]
        longest = self._outage(group.outage_s, group.outage_begin_ns)
        yield [self._say(_OUTAGE), f"{longest} ({_plain(group.outage_tag)})" if group.outage_tag else "-", "", ""]
        yield self._none_of(_OVERDUE, group.calibration_overdue)
        yield [self._say(_DUE, days=limits.calibration_days), str(group.calibration_due), "", ""]
        yield [self._say(_UNKNOWN), str(group.calibration_unknown), "", ""]

    def _against(self, what: Text, share: float | None, least: float) -> list[str]:
        result = "-" if share is None else self._say(_MET if share >= least else _NOT_MET)
        return [self._say(what), percent(share), f"≥ {percent(least)}", result]

    def _none_of(self, what: Text, count: int) -> list[str]:
        return [self._say(what), str(count), "0", self._say(_NOT_MET if count else _MET)]

    def _sensor(self, one: SensorFigures) -> list[str]:
        last = self._say(_NOT_HEARD) if one.last_ns is None else self._time(one.last_ns)
        outage = self._outage(one.outage_s, one.outage_begin_ns)
        shares = [percent(one.online), percent(one.completeness)]
        return [_plain(one.tag), self._name(one.name), _plain(one.kind), *shares, last, outage]

    def _calibrations(self, own: Sequence[SensorFigures]) -> list[list[str]]:
        listed = [(one.calibrated_until, one) for one in own if one.calibration in _STATES]
        return [
            [_plain(one.tag), self._name(one.name), str(until), self._say(_STATES[one.calibration])]
            for until, one in sorted(listed, key=lambda item: (str(item[0]), item[1].tag))
        ]

    def _listed(self, head: Text, rows: list[list[str]]) -> Iterator[str]:
        if not rows:
            yield self._say(_NONE)
            return
        yield from _table(self._say(head), rows[:SENSORS_SHOWN_MAX])
        if len(rows) > SENSORS_SHOWN_MAX:
            yield from ("", self._say(_MORE, count=len(rows) - SENSORS_SHOWN_MAX))

    def _asked(self, group: Group, own: Sequence[SensorFigures]) -> list[str]:
        silent = sum(one.online is not None and one.online < self.limits.online_min for one in own)
        gappy = sum(one.completeness is not None and one.completeness < self.limits.completeness_min for one in own)
        asked = [
            (_ASK_HEARD, silent),
            (_ASK_COMPLETE, gappy),
            (_ASK_OVERDUE, group.calibration_overdue),
            (_ASK_DUE, group.calibration_due),
            (_ASK_UNKNOWN, group.calibration_unknown),
        ]
        said = [self._say(what, count=count) for what, count in asked if count]
        if group.bad is not None and group.bad > _BAD_MAX:
            said.append(self._say(_ASK_BAD, share=percent(group.bad)))
        return said or [self._say(_ASK_NOTHING)]

    def _outage(self, seconds: float, begin_ns: int | None) -> str:
        if begin_ns is None:
            return "-"
        return self._say(_SINCE, span=span(seconds, self.language), begin=self._time(begin_ns))

    def _time(self, time_ns: int) -> str:
        return datetime.fromtimestamp(time_ns // 10**9, tz=ZoneInfo(self.period.zone)).strftime("%Y-%m-%d %H:%M:%S")

    def _name(self, name: Text) -> str:
        return _plain(name.say(self.language))

    def _say(self, what: Text, **values: object) -> str:
        return what.say(self.language).format(**values)


def _worst_first(one: SensorFigures) -> tuple[float, float, str]:
    return (
        1.0 if one.online is None else one.online,
        1.0 if one.completeness is None else one.completeness,
        one.tag,
    )


def _plain(text: str) -> str:
    """Names come from elsewhere: no mark-up, no line of their own."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _table(head: str, rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {head} |"
    yield "|" + " --- |" * (head.count(" | ") + 1)
    for row in rows:
        yield f"| {' | '.join(row)} |"
