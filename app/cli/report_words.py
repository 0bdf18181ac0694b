"""The phrases of ``fengsui report`` in Chinese and English."""

from __future__ import annotations

from model.text import Text

REPORT_WORDS: dict[str, Text] = {
    "report_title": Text("报警统计 {begin} 至 {end}", "Alarms from {begin} to {end}"),
    "report_trying": Text("试算改进措施", "Trying remedies"),
    "report_figure": Text("指标", "Figure"),
    "report_value": Text("数值", "Value"),
    "report_target": Text("建议值", "Recommended"),
    "report_alarms": Text("报警次数（含升级）", "Alarms (with upgrades)"),
    "report_top_share": Text("最多十项占比", "Share of the ten that come most often"),
    "report_stale": Text("持续超过一天的报警", "Alarms on for more than a day"),
    "report_hidden": Text("曾搁置、停用或抑制的报警", "Alarms shelved, out of service or suppressed"),
    "report_load": Text("每 10 分钟报警数", "Alarms in 10 min"),
    "report_rules": Text("按规则", "By rule"),
    "report_remedies": Text("改进措施（已用同期历史数据试算）", "Remedies, tried on the readings of that time"),
    "report_no_remedies": Text(
        "没有可试算的措施，或该时段没有归档读数。", "No remedy to try, or the archive has no readings of that time."
    ),
    "report_remedy": Text("措施", "Remedy"),
    "report_on_delay": Text("延时报警 {amount}", "on-delay of {amount}"),
    "report_off_delay": Text("延时恢复 {amount}", "off-delay of {amount}"),
    "report_deadband": Text("回差 {amount}", "deadband of {amount}"),
    "report_before_after": Text("报警 前→后", "Alarms before → after"),
    "report_lost": Text("会消失的报警", "Lost"),
    "report_lost_of": Text(
        "{count} 条，最高{grade}级，超过半小时 {long} 条", "{count}, up to {grade}, {long} longer than half an hour"
    ),
    "report_later": Text("最多推迟", "Latest by"),
    "report_how": Text(
        "建议值依 ISA-18.2-2016 与 IEC 62682。措施只是建议：改规则包后用 fengsui backtest 复核，由人签发。",
        "Recommended by ISA-18.2-2016 and IEC 62682. A remedy is a proposal: change the pack, check it with fengsui "
        "backtest, let a person sign.",
    ),
    "report_written": Text("报告：{path}", "Report: {path}"),
}
