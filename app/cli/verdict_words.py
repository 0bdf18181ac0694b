"""The phrases of verdicts in Chinese and English."""

from __future__ import annotations

from model.text import Text

VERDICT_WORDS: dict[str, Text] = {
    "verdict_real": Text("真警", "real"),
    "verdict_false": Text("误报", "false"),
    "verdict_test": Text("测试", "test"),
    "verdict_drill": Text("演练", "drill"),
    "verdict_works": Text("施工", "works"),
    "verdicts_title": Text("核实结论统计 {begin} 至 {end}", "What alarms were, {begin} to {end}"),
    "verdicts_sites": Text("按规则和单位", "By rule and site"),
    "verdicts_rule": Text("规则", "Rule"),
    "verdicts_site": Text("单位", "Site"),
    "verdicts_alarms": Text("报警", "Alarms"),
    "verdicts_judged": Text("已核实", "Judged"),
    "verdicts_precision": Text("真警率（95 % 区间）", "Real (95 % interval)"),
    "verdicts_wait": Text("核实用时（中位）", "Time to verdict, median"),
    "verdicts_owed": Text("待核实的橙色、红色报警：{count} 条", "Orange and red alarms without a verdict: {count}"),
    "verdicts_none_owed": Text("橙色、红色报警均已核实。", "Every orange and red alarm has its verdict."),
    "verdicts_more": Text("另有 {count} 条，用 --json 或 --html 查看", "{count} more: --json or --html shows them"),
    "verdicts_none": Text("该时段没有报警。", "No alarm began in that time."),
    "verdicts_how": Text(
        "真警率 = 真警 /（真警 + 误报）；测试、演练、施工不计入。同一报警以最后一次结论为准。",
        "Real = real ones among real and false ones; tests, drills and works do not count. Of an alarm the last "
        "verdict counts.",
    ),
    "verdicts_record": Text("核实记录", "Track record"),
    "verdicts_of_rule": Text(
        "本规则最近核实的 {judged} 条报警中，{real} 条为真警",
        "of the last {judged} judged alarms of this rule {real} were real",
    ),
    "verdicts_not_yet": Text(
        "本规则还没有核实为真警或误报的报警", "no alarm of this rule has been judged real or false yet"
    ),
}
