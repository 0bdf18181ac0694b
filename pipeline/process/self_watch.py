"""What the system has to say about itself: alarms on our own state, under rules that no pack can switch off."""

from __future__ import annotations

from model.alarm import AlarmEvent, Evidence, Grade, Why
from model.batch import GOOD
from model.inputs import Finding
from model.plan import Advice, GradeSpec, RuleSpec
from model.text import Text
from pipeline.watch.words import ADVICE, GRADES, SAID, Code
from rules.alarm_machine import AlarmMachine, Subject
from rules.circumstance import Circumstance
from rules.transitions import ACTIVE

SYSTEM = "system"

#: A longer pause between two ticks means that the system itself was down: that time does not count as silence.
GAP_NS = 10 * 10**9
GAP_GRADE = Grade.YELLOW

GAP_RULE = RuleSpec(
    id="system.data_gap",
    name=Text("系统曾停运，数据有缺口", "The system was down: a gap in the data"),
    kinds=(),
    grades=(GradeSpec(GAP_GRADE, f"pause > {GAP_NS / 1e9:g} s"),),
    source=Text(
        "内置：系统停运期间的读数可能迟到或丢失",
        "built in: readings of the time in which the system was down come late or never",
    ),
    advice=(
        Advice(
            GAP_GRADE,
            Text(
                "核对停运时段的现场情况；查看补传报警；确认各数据源已恢复。",
                "Ask the sites what happened in that time; look at late alarms; see that every source is back.",
            ),
        ),
    ),
)

GATEWAY_GRADE = Grade.YELLOW

GATEWAY_RULE = RuleSpec(
    id="system.gateway_silent",
    name=Text("网关失联：其传感器全部无数据", "A gateway is silent: nothing comes from any of its sensors"),
    kinds=(),
    grades=(GradeSpec(GATEWAY_GRADE, "silence >= 30 s"),),
    source=Text(
        "内置：同一网关的传感器同时静默，是网关或其通信中断，不是各传感器故障",
        "built in: sensors of one gateway that fall silent together mean that it or its link is down, not each of them",
    ),
    advice=(
        Advice(
            GATEWAY_GRADE,
            Text(
                "该网关所辖区域当前无监测：安排人工巡检或便携仪表；检查网关供电、网络和 SIM 卡；恢复后核对补传数据。",
                "Nothing watches what stands behind it: send people or portable meters; look at the gateway's power, "
                "network and SIM card; once it is back, look at the readings that it sends later.",
            ),
        ),
    ),
)

GAP_SUBJECT = Subject(GAP_RULE.id, SYSTEM, SYSTEM, latching=False)


def finding_rule_id(code: str) -> str:
    return f"{SYSTEM}.{code}"


def finding_tag(subject: str) -> str:
    """What an alarm is about that is no sensor; never the tag of one."""
    return f"{SYSTEM}:{subject}" if subject else SYSTEM


def _finding_rule(code: Code) -> RuleSpec:
    return RuleSpec(
        id=finding_rule_id(code),
        name=SAID[code],
        kinds=(),
        grades=(GradeSpec(GRADES[code], code.value),),
        source=Text("内置：系统自检", "built in: the system watches itself"),
        advice=tuple(Advice(grade, ADVICE[code]) for grade in Grade if grade),
    )


#: Rules that every plan has besides its own.
SYSTEM_RULES = (GAP_RULE, GATEWAY_RULE, *(_finding_rule(code) for code in GRADES))


def finding_event(alarms: AlarmMachine, offset: int, finding: Finding, plan_version: str) -> list[AlarmEvent]:
    """What a finding changes; nothing where it says what is known. Only its own end, or a person, ends an alarm."""
    subject = Subject(finding_rule_id(finding.code), finding_tag(finding.subject), SYSTEM, latching=False)
    alarm = alarms.judged(subject.rule, subject.tag)
    before = alarm.grade if alarm is not None and alarm.state in ACTIVE else Grade.NONE
    after = finding.grade if finding.is_wrong else Grade.NONE
    if before == after:
        return []
    why = Why(
        condition=f"{finding.code}: {finding.detail}" if finding.detail else finding.code,
        value=None,
        unit="",
        quality=GOOD,
        scores={},
        since_ns=finding.wall_ns,
        on_delay_s=0.0,
        readings=(),
        rule_source=Text("内置：系统自检", "built in: the system watches itself"),
        plan_version=plan_version,
        margin=None,
    )
    circumstance = Circumstance(offset=offset, time_ns=finding.wall_ns, at_ns=finding.wall_ns)
    return alarms.level_changed(subject, before, after, circumstance, why)


def gap_why(gap_s: float, *, since_ns: int, until_ns: int, plan_version: str) -> Why:
    return Why(
        condition=GAP_RULE.grades[0].when,
        value=gap_s,
        unit="s",
        quality=GOOD,
        scores={},
        since_ns=since_ns,
        on_delay_s=0.0,
        readings=(Evidence(until_ns, gap_s),),
        rule_source=GAP_RULE.source,
        plan_version=plan_version,
        margin=None,
    )
