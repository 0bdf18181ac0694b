"""The phrases of ``fengsui rules`` in Chinese and English."""

from __future__ import annotations

from model.text import Text

RULES_WORDS: dict[str, Text] = {
    "rules_title": Text("规则", "Rules"),
    "rules_of_tag": Text("{tag} 现行限值", "Limits that hold for {tag}"),
    "rules_overrides": Text("现场调整", "Overrides"),
    "rules_tag": Text("位号", "Tag"),
    "rules_rule": Text("规则", "Rule"),
    "rules_condition": Text("条件", "Condition"),
    "rules_delays": Text("延时 报警/恢复", "Delay on/off"),
    "rules_deadband": Text("回差", "Deadband"),
    "rules_from": Text("依据", "From"),
    "rules_off": Text("停用", "off"),
    "rules_none": Text("没有符合条件的规则。", "No such rule."),
    "rules_no_overrides": Text("没有现场调整。", "No overrides."),
    "rules_id": Text("编号", "Id"),
    "rules_changes": Text("内容", "What"),
    "rules_whom": Text("对象", "For"),
    "rules_count": Text("数量", "Number"),
    "rules_owner": Text("负责人", "Owner"),
    "rules_span": Text("有效期", "From, until"),
    "rules_state": Text("状态", "State"),
    "rules_reason": Text("原因", "Reason"),
    "rules_in_force": Text("生效", "in force"),
    "rules_ended": Text("已到期", "ended"),
    "rules_to_come": Text("未生效", "to come"),
    "rules_red": Text("放宽红色：须两人", "loosens red: two persons"),
    "rules_exported": Text("{rows} 行写入 {path}", "{rows} rows written to {path}"),
    "rules_same": Text("表格与现行规则一致，没有改动。", "The sheet says what the rules say; nothing was changed."),
    "rules_differences": Text("表格中的改动", "What was changed in the sheet"),
    "rules_place": Text("单元格", "Cell"),
    "rules_column": Text("列", "Column"),
    "rules_before": Text("原", "Before"),
    "rules_after": Text("新", "After"),
    "rules_proposed": Text(
        "建议已写入 {path}。审阅后把该文件夹加入 fengsui.yaml 的 packs，再运行 fengsui check。",
        "The proposal is in {path}. Read it, add the folder to packs in fengsui.yaml, and run fengsui check.",
    ),
}
