"""The phrases of ``fengsui shadow`` in Chinese and English."""

from __future__ import annotations

from model.text import Text

SHADOW_WORDS: dict[str, Text] = {
    "shadow_begins": Text(
        "影子运行：文件中的规则与现行规则并行，不影响现行系统。Ctrl-C 结束。",
        "Shadow run: the rules in the files beside those in force, which are not touched. Ctrl-C ends it.",
    ),
    "shadow_line": Text(
        "{time}  报警 现行 {live} / 影子 {shadow}，不同 {differences}，落后 {lag} 秒",
        "{time}  alarms: in force {live}, shadow {shadow}; {differences} differ; {lag} s behind",
    ),
    "shadow_title": Text("影子运行 {begin} 至 {end}", "Shadow run, {begin} to {end}"),
    "shadow_same": Text("两版规则的报警完全相同。", "Both give the same alarms."),
    "shadow_older": Text(
        "先前的报警 {rule} {tag}：现行{live}，影子{shadow}",
        "older alarm {rule} {tag}: {live} in force, {shadow} in the shadow",
    ),
    "shadow_on": Text("仍在", "on"),
    "shadow_off": Text("已恢复", "over"),
    "shadow_applied": Text(
        "影子中的规则已生效，比较结束。", "The shadow's rules are in force now; nothing is left to compare."
    ),
    "shadow_left_out": Text("有 {count} 个报警动作因太多而未保留。", "{count} alarm events were too many to be kept."),
    "shadow_saved": Text("报告已写入 {path}", "Report written to {path}"),
}
