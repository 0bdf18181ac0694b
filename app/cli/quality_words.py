"""The phrases of ``fengsui quality`` in Chinese and English."""

from __future__ import annotations

from model.text import Text

QUALITY_WORDS: dict[str, Text] = {
    "quality_reading": Text("读取归档", "Reading the archive"),
    "quality_title": Text("数据质量 {begin} 至 {end}", "Data quality from {begin} to {end}"),
    "quality_enterprise": Text("企业", "Enterprise"),
    "quality_site": Text("站点", "Site"),
    "quality_kind": Text("类型", "Kind"),
    "quality_sensor": Text("测点", "Sensor"),
    "quality_registered": Text("登记", "Registered"),
    "quality_heard": Text("有数据", "Heard"),
    "quality_never": Text("无数据", "Never heard"),
    "quality_online": Text("在线率", "Online"),
    "quality_completeness": Text("完整率", "Complete"),
    "quality_shares": Text("良好/存疑/坏", "Good/uncertain/bad"),
    "quality_outage": Text("最长中断", "Longest outage"),
    "quality_calibration": Text("检定到期/超期/不明", "Calibration due/overdue/unknown"),
    "quality_short": Text("不达标测点", "Below limits"),
    "quality_left_out": Text(
        "{count} 个测点只报变化或周期过长，不计在线率与完整率。",
        "{count} sensors report on change only, or too slowly for this period: not in online and complete.",
    ),
    "quality_unknown": Text(
        "{count} 条读数不属于登记的测点，未计入。", "{count} readings are of no registered sensor and left out."
    ),
    "quality_missing": Text(
        "日志缺 {count} 条输入，所列数字可能偏低。",
        "{count} inputs are missing in the journal: figures may be too low.",
    ),
    "quality_nothing": Text("该时段内没有读数。", "There are no readings in that time."),
    "quality_no_enterprise": Text("没有企业 {id}，或其没有测点。", "There is no enterprise {id} with sensors."),
    "quality_written": Text("已写入 {path}", "Wrote {path}"),
    "quality_notices": Text("已写入 {count} 份通报：{path}", "Wrote {count} notices into {path}"),
    "stuck_title": Text("读数不动的时长 {begin} 至 {end}", "How long readings stand still, from {begin} to {end}"),
    "stuck_detector": Text("检测器", "Detector"),
    "stuck_measured": Text("测到/登记", "Measured/registered"),
    "stuck_runs": Text("段数", "Runs"),
    "stuck_longest": Text("最长", "Longest"),
    "stuck_now": Text("现限值", "Limit now"),
    "stuck_proposed": Text("建议", "Proposed"),
    "stuck_few": Text("测点太少", "too few sensors"),
    "stuck_rests": Text("常态静止", "rests"),
    "stuck_left_out": Text("未计入 {kind} 的疑似卡滞测点：{sensors}", "Left out of {kind}, as if stuck: {sensors}"),
    "stuck_more": Text("等另 {count} 个", "and {count} more"),
    "stuck_short": Text(
        "不足一天：夜间或停产时可能更久，建议以整周复核。",
        "Less than a day: nights and standstills may be longer; measure a whole week.",
    ),
    "stuck_lines": Text(
        "可改的规则行（仅为建议，不会自动写入）：", "Lines of rules to change (a proposal; nothing is written):"
    ),
    "stuck_as_is": Text("规则无需改动。", "No rule needs a change."),
    "stuck_none": Text("没有检测不变值的测点。", "No flatline detector looks at such sensors."),
}
