"""The phrases of ``fengsui propose`` in Chinese and English."""

from __future__ import annotations

from model.text import Text

PROPOSE_WORDS: dict[str, Text] = {
    "propose_trying": Text("用历史读数试算", "Trying changes on the readings"),
    "propose_title": Text(
        "规则调整建议：按 {begin} 至 {split} 选择，在 {split} 至 {end} 上验证",
        "Proposed changes: chosen on {begin} to {split}, shown on {split} to {end}",
    ),
    "propose_none": Text("该时段没有核实为误报的报警。", "No alarm of that time was judged false."),
    "propose_verdicts": Text("核实结论", "Verdicts"),
    "propose_counts": Text(
        "报警 {alarms}，已核实 {judged}，真警 {real}，误报 {false}；真警率 {precision}",
        "{alarms} alarms, {judged} judged, {real} real, {false} false; real {precision}",
    ),
    "propose_change": Text("建议", "Proposal"),
    "propose_on_delay": Text("{grades}：延时报警 {was} → {amount}", "{grades}: on-delay {was} → {amount}"),
    "propose_off_delay": Text("{grades}：延时恢复 {was} → {amount}", "{grades}: off-delay {was} → {amount}"),
    "propose_deadband": Text("{grades}：回差 {was} → {amount}", "{grades}: deadband {was} → {amount}"),
    "propose_limit": Text("{grades}：{thing} {was} → {amount}", "{grades}: {thing} {was} → {amount}"),
    "propose_where": Text("适用", "For"),
    "propose_chosen": Text("选择段", "Earlier part"),
    "propose_shown": Text("验证段", "Later part"),
    "propose_outcome": Text(
        "误报 {before} → {after}；真警和未核实的橙红报警保留 {kept} 条，丢失 {lost} 条，最多推迟 {later}",
        "false alarms {before} → {after}; real ones, and orange or red ones not judged: {kept} kept, {lost} lost, "
        "the latest {later} later",
    ),
    "propose_unjudged": Text("；未核实的蓝黄报警少 {count} 条", "; {count} blue or yellow ones not judged vanish"),
    "propose_margin": Text("余量", "Margin"),
    "propose_edge": Text(
        "调到 {amount} 时才会丢失或推迟过久第一条真警", "the first real alarm would be lost, or too late, at {amount}"
    ),
    "propose_no_edge": Text(
        "试到 {amount} 仍不丢失真警", "no real alarm is lost up to {amount}, the most that was tried"
    ),
    "propose_note": Text("注意", "Note"),
    "propose_no_real_shown": Text(
        "验证段里没有真警，真警的保留只由选择段说明。",
        "no real alarm fell into the later part; that real ones are kept is shown by the earlier part alone.",
    ),
    "propose_without_real": Text(
        "没有核实为真警的报警，无法说明会漏掉什么。",
        "no alarm was judged real; nothing shows what would be missed.",
    ),
    "propose_red": Text(
        "警告：这会放宽红色等级的限值。其依据是：{source}。必须由有权的人核准，并由第二人同意。",
        "WARNING: this loosens the limit of red, which comes from: {source}. Only who may do that can sign it, and a "
        "second person has to agree.",
    ),
    "propose_source": Text("依据", "Source"),
    "propose_refused": Text("不提建议", "No proposal"),
    "propose_not_there": Text("现行规则中没有这条规则", "the rules in force do not have it"),
    "propose_no_readings": Text("该时段没有归档读数", "the archive has no readings of that time"),
    "propose_few_false": Text(
        "误报太少：核实为误报 {false} 条，能在归档上重现的误报前段 {early} 条、后段 {late} 条；"
        "至少需要前段 {choose_min} 条来选择、后段 {show_min} 条来验证",
        "too few false alarms: {false} were judged false; {early} of them come again in the earlier part and {late} in "
        "the later one, and {choose_min} are needed to choose by and {show_min} to show it on",
    ),
    "propose_no_real": Text(
        "没有核实为真警的报警，无法说明会漏掉什么（--without-real 仍然试算）",
        "no alarm was judged real, so nothing shows what would be missed (--without-real tries all the same)",
    ),
    "propose_unseen": Text(
        "{count} 条真警不能在归档读数上重现，无法说明会不会漏掉：{ids}",
        "{count} real alarms do not come again on the archive, so it cannot be shown that they are kept: {ids}",
    ),
    "propose_nothing_to_change": Text("没有可调的限值、延时或回差", "there is no limit, delay or deadband to change"),
    "propose_nothing_helps": Text(
        "试了 {tried} 种单项调整，没有一种能减少 {spares} 以上的误报",
        "of {tried} single changes none spares {spares} of the false alarms",
    ),
    "propose_loses": Text(
        "试了 {tried} 种单项调整，能减少误报的都会丢失或推迟真警；"
        "最接近的是“{change}”：误报 {before} → {after}，丢失 {lost} 条",
        "of {tried} single changes each that helps would lose a real alarm or bring it too late; nearest: {change}: "
        "false alarms {before} → {after}, {lost} lost",
    ),
    "propose_failed": Text(
        "前段选出的“{change}”在后段不成立：误报 {before} → {after}，丢失真警 {lost} 条",
        "what was chosen on the earlier part, {change}, does not hold on the later one: "
        "false alarms {before} → {after}, {lost} real ones lost",
    ),
    "propose_how": Text(
        "建议不会自动生效：用 --out 写成覆盖文件，加入 fengsui.yaml 的 packs，"
        "fengsui check 检查，fengsui backtest 复核，由签字人使其生效。",
        "Nothing changes by itself: --out writes an override into a pack; add it to the packs of fengsui.yaml, check "
        "it by fengsui check and fengsui backtest, and let who signs make it live.",
    ),
    "propose_written": Text(
        "已写入 {path}，签字人 {owner}。检查：fengsui check {folder}",
        "Written to {path}, signed by {owner}. Next: fengsui check {folder}",
    ),
    "propose_nothing_written": Text("没有可写的建议。", "There is no proposal to write."),
    "propose_reason": Text(
        "按核实结论建议：误报 {false_before} → {false_after}（验证段 {shown_before} → {shown_after}），"
        "真警保留 {kept} 条、丢失 0 条",
        "proposed from verdicts: false alarms {false_before} → {false_after} (later part {shown_before} → "
        "{shown_after}), {kept} real ones kept, none lost",
    ),
}
