"""The phrases of what people do about alarms, and of what hides them, in Chinese and English."""

from __future__ import annotations

from model.text import Text

ALARM_WORDS: dict[str, Text] = {
    "transition_realarmed": Text("再次提醒", "told again"),
    "transition_stale": Text("长期未消除", "stale"),
    "transition_hidden": Text("转为不提示", "hidden"),
    "transition_shown": Text("恢复提示", "shown again"),
    "transition_commented": Text("备注", "comment"),
    "transition_verdict": Text("核实结论", "verdict"),
    "hidden_shelved": Text("已搁置", "shelved"),
    "hidden_suppressed": Text("已抑制", "suppressed"),
    "hidden_memo": Text("备忘", "memo"),
    "memo_no_end": Text("有人删除时", "somebody ends it"),
    "flag_end_memo_ended": Text("备忘已删除", "ended"),
    "done_memo": Text("已记备忘 {id}", "Memo kept for {id}"),
    "done_end_memo": Text("已删除备忘 {id}", "Memo ended: {id}"),
    "hidden_out_of_service": Text("停用", "out of service"),
    "mark_chattering": Text("频繁", "chattering"),
    "mark_stale": Text("长期未消除", "stale"),
    "mark_verdict": Text("核实：{verdict}", "judged {verdict}"),
    "hidden_count": Text(
        "其中 {n} 条不提示（fengsui alarms flags 查看原因）", "{n} of them are hidden (fengsui alarms flags says why)"
    ),
    "no_hidden": Text("没有被隐藏的报警。", "No alarm is hidden."),
    "flags": Text("搁置、停用、抑制与备忘", "What hides alarms, and memos"),
    "no_flags": Text(
        "没有搁置、停用或抑制，也没有备忘。", "Nothing is shelved, out of service or suppressed; no memos."
    ),
    "forgotten": Text("已确认但仍未消除的报警（超过 {older}）", "Acknowledged longer than {older} ago and still on"),
    "no_forgotten": Text(
        "没有确认超过 {older} 仍未消除的报警。", "No alarm was acknowledged longer than {older} ago and is still on."
    ),
    "forgotten_strip": Text("已确认未消除（2 h 以上）", "Acked over 2 h ago, still on"),
    "forgotten_line": Text("{count} 条，最久 {oldest}", "{count}, the oldest for {oldest}"),
    "acknowledged_at": Text("确认于", "Acknowledged"),
    "flag_kind": Text("种类", "Kind"),
    "flag_covers": Text("范围", "Covers"),
    "flag_hides": Text("隐藏报警", "Hides"),
    "flag_until": Text("到", "Until"),
    "flag_asked": Text("待批准", "asked"),
    "flag_on": Text("生效", "on"),
    "flag_ended": Text("已结束", "ended"),
    "flag_by": Text("申请 / 批准", "Asked by / agreed by"),
    "flag_no_end": Text("条件解除时", "its condition ends"),
    "flag_end_time": Text("到期", "time is over"),
    "flag_end_unshelved": Text("取消搁置", "unshelved"),
    "flag_end_put_back": Text("恢复使用", "put back"),
    "flag_end_higher_grade": Text("报警升级", "the alarm became graver"),
    "flag_end_condition_over": Text("条件解除", "its condition is over"),
    "flag_end_unknown": Text("条件长期不明", "its condition was unknown for too long"),
    "flag_end_replaced": Text("被新的代替", "replaced"),
    "flag_end_withdrawn": Text("撤回", "withdrawn"),
    "flag_end_not_confirmed": Text("逾期未批准", "nobody agreed in time"),
    "flag_end_alarm_changed": Text("报警已变", "the alarm had changed"),
    "flag_end_rule_gone": Text("规则已变", "its rule is gone"),
    "hides_now": Text("当前不提示", "Hidden by"),
    "done_shelve": Text("已搁置 {id}", "Shelved {id}"),
    "done_unshelve": Text("已取消搁置 {id}", "Unshelved {id}"),
    "done_take_out": Text("已停用 {id}", "Out of service: {id}"),
    "done_put_back": Text("已恢复使用 {id}", "Back in service: {id}"),
    "done_approve": Text("已批准 {id}", "Approved {id}"),
    "done_withdraw": Text("已撤回 {id}", "Withdrawn {id}"),
    "done_comment": Text("已备注 {id}", "Comment added to {id}"),
    "done_verdict": Text("已记录核实结论 {id}", "Verdict recorded for {id}"),
    "needs_second": Text(
        "涉及红色报警，须由另一人在 {until} 前批准（此前照常提示）：\nfengsui alarms approve {flag} --by 另一人",
        "It touches red, so another person has to agree before {until}; until then alarms are shown as ever:\n"
        "fengsui alarms approve {flag} --by SOMEBODY_ELSE",
    ),
    "flag_not_found": Text("没有编号以 {id} 开头的搁置、停用或申请。", "No flag has an id that begins with {id}."),
    "hidden_strip": Text("不提示", "Not shown"),
    "hidden_strip_line": Text(
        "搁置 {shelved}，抑制 {suppressed}，停用 {out_of_service}，待批准 {asked}；"
        "学习中测点 {warming}，无数据测点 {blind}",
        "shelved {shelved}, suppressed {suppressed}, out of service {out_of_service}, asked for {asked}; "
        "sensors that learn {warming}, sensors without data {blind}",
    ),
}
