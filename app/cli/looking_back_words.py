"""The phrases of ``fengsui replay --at`` in Chinese and English."""

from __future__ import annotations

from model.text import Text

LOOKING_BACK_WORDS: dict[str, Text] = {
    "then_title": Text("{tag} 在 {time}", "{tag} at {time}"),
    "then_reading": Text("最近读数", "Last reading"),
    "then_none": Text("此前没有读数", "no reading before"),
    "then_plan": Text("规则版本", "Rule version"),
    "then_out_of": Text("依据", "Played from"),
    "then_out_of_journal": Text("日志，自 {time}", "the journal, from {time} on"),
    "then_out_of_archive": Text("归档，自 {time}，按现行规则", "the archive, from {time} on, by the rules of now"),
    "then_rule": Text("规则", "Rule"),
    "then_values": Text("数值", "Values"),
    "then_says": Text("判断", "It"),
    "then_holds": Text("成立", "holds"),
    "then_near": Text("在回差内", "is inside the deadband"),
    "then_over": Text("不成立", "does not hold"),
    "then_unknown": Text("无法判断", "cannot be known"),
    "then_off": Text("此传感器不适用", "is off for this sensor"),
    "then_missing": Text("还差", "Missing"),
    "then_is_on": Text("已报警，自 {time}", "on since {time}"),
    "then_waits": Text("延时还剩 {wait} 秒（自 {time}）", "{wait} s of the delay (since {time})"),
    "then_lacks": Text("还差 {amount}", "{amount} to the limit"),
    "then_beyond": Text("超出 {amount}", "{amount} beyond the limit"),
    "then_events": Text("此前的报警", "Alarms before"),
    "then_no_rule": Text("规则 {rule} 不看 {tag}。", "Rule {rule} does not look at {tag}."),
}
