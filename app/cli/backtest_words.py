"""The phrases of ``fengsui backtest`` in Chinese and English."""

from __future__ import annotations

from model.text import Text

BACKTEST_WORDS: dict[str, Text] = {
    "backtest_playing": Text("回放", "Playing"),
    "backtest_title": Text("规则改动回测 {begin} 至 {end}", "What the changed rules would have done, {begin} to {end}"),
    "backtest_what": Text("项目", "Figure"),
    "backtest_before": Text("改动前", "Before"),
    "backtest_after": Text("改动后", "After"),
    "backtest_version": Text("规则版本", "Rule version"),
    "backtest_alarms": Text("报警次数（含升级）", "Alarms (with upgrades)"),
    "backtest_per_window": Text("每席每 10 分钟平均", "Per operator in 10 min, mean"),
    "backtest_peak": Text("每席每 10 分钟最多", "Per operator in 10 min, most"),
    "backtest_floods": Text("报警泛滥（次，时间占比）", "Floods (count, share of time)"),
    "backtest_chattering": Text("抖动报警", "Chattering alarms"),
    "backtest_stale": Text("持续超过一天的报警", "Alarms on for more than a day"),
    "backtest_grade": Text("最高达到{grade}级", "Reached {grade} at most"),
    "backtest_told": Text("发现的已知事件", "Known events found"),
    "backtest_delay": Text("发现延迟中位数", "Delay, median"),
    "backtest_differences": Text("差异：{count} 条", "Differences: {count}"),
    "backtest_same": Text("两版规则的报警完全相同。", "Both give the same alarms."),
    "backtest_change": Text("变化", "Change"),
    "backtest_appears": Text("新增", "appears"),
    "backtest_vanishes": Text("消失", "vanishes"),
    "backtest_regraded": Text("等级变化", "other grade"),
    "backtest_moved": Text("时间变化", "other time"),
    "backtest_rule": Text("规则", "Rule"),
    "backtest_count": Text("次数", "Times"),
    "backtest_share": Text("占比", "Share"),
    "backtest_from": Text("开始", "From"),
    "backtest_to": Text("结束", "To"),
    "backtest_on": Text("仍在", "still on"),
    "backtest_more": Text("另有 {count} 条，见 --html 或 --json。", "{count} more: see --html or --json."),
    "backtest_actors": Text("报警最多的十项", "The ten that come most often"),
    "backtest_events": Text("已知事件", "Known events"),
    "backtest_event": Text("事件", "Event"),
    "backtest_missed": Text("未发现", "missed"),
    "backtest_load": Text("每 10 分钟报警数（改动前灰，改动后蓝）", "Alarms in 10 min (grey before, blue after)"),
    "backtest_speed": Text(
        "{readings} 条读数，每版 {seconds}，用时 {took}，为实际时间的 {speed} 倍。",
        "{readings} readings, {seconds} for each, in {took}: {speed} times as fast as it happened.",
    ),
    "backtest_unknown": Text(
        "{count} 条读数的测点不在改动后的配置中，未参与。",
        "{count} readings are of sensors that the changed one lacks.",
    ),
    "backtest_damaged": Text("归档文件无法读取：{files}", "Files of the archive that do not read: {files}"),
    "backtest_page": Text("报告：{path}", "Report: {path}"),
    "backtest_how": Text(
        "人工操作未回放；锁存报警按条件恢复即视为结束。",
        "What people did then is not played; a latched alarm counts as over when its condition is.",
    ),
}
