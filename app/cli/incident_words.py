"""Phrases about incidents in Chinese and English."""

from __future__ import annotations

from model.text import Text

INCIDENT_WORDS: dict[str, Text] = {
    "incidents": Text("事件", "Incidents"),
    "no_incidents": Text("没有未结束的事件。", "No open incidents."),
    "incident": Text("事件", "Incident"),
    "incident_not_found": Text("没有编号以 {id} 开头的事件。", "No incident has an id that begins with {id}."),
    "incident_ambiguous": Text(
        "{id} 不止一个事件，请多写几位。", "{id} fits more than one incident; write more of it."
    ),
    "incident_kind_local": Text("局部", "local"),
    "incident_kind_wide": Text("大范围", "wide"),
    "incident_kind_flood": Text("报警泛滥", "flood"),
    "flood_said": Text(
        "开始时或结束时十分钟内 {now} 条，峰值 {peak} 条", "{now} in ten minutes when last told, {peak} at the peak"
    ),
    "incident_open": Text("进行中", "open"),
    "incident_closed": Text("已结束", "over"),
    "incident_merged": Text("已并入 {id}", "part of {id}"),
    "incident_alarms": Text("报警数", "Alarms"),
    "incident_counts": Text("{alarms} 条，未关闭 {open} 条", "{alarms}, {open} of them open"),
    "incident_folded": Text("，另有 {n} 条由其他报警所致", ", {n} explained by others"),
    "incident_by_hand": Text("人工归并", "grouped by hand"),
    "first_out": Text("首发", "First"),
    "probable_source": Text("可能源头", "Probable source"),
    "source_located": Text("{place}（由检测器定位）", "{place} (located by detectors)"),
    "source_near_first": Text("首发处附近：{place}", "near the first alarm: {place}"),
    "source_only_first": Text("只有一处报警：{place}", "one place alone tells of it: {place}"),
    "source_error": Text("，误差约 ±{error} m", ", ± {error} m"),
    "source_error_unknown": Text("，误差未知", ", how far that is off is not known"),
    "source_along": Text("沿线 {along} m", "at {along} m"),
    "by_rule": Text("按规则", "By rule"),
    "by_asset": Text("按设施", "By asset"),
    "by_grade": Text("按等级", "By grade"),
    "and_more": Text("等共 {n} 项", "and more, {n} in all"),
    "alarms_left_out": Text(
        "未列出：{explained} 条由其他报警所致，另 {more} 条（--all 全部列出）",
        "Not listed: {explained} that others explain, and {more} more (--all lists them)",
    ),
    "incident_meaning": Text("加重原因与次生风险", "What makes it worse, and what may follow"),
    "watch_for": Text("关注：{what}", "watch for: {what}"),
    "done_merge": Text("已并为事件 {id}", "Merged into incident {id}"),
    "done_split": Text("已从事件 {id} 拆分", "Split off incident {id}"),
    "change_opened": Text("开始", "opened"),
    "change_joined": Text("并入 {n} 条报警", "{n} alarms joined"),
    "change_first_out_changed": Text("首发更正", "another alarm was first"),
    "change_upgraded": Text("升级", "upgraded"),
    "change_merged": Text("合并", "merged"),
    "change_split": Text("拆分", "split"),
    "change_watch_point": Text("需关注的次生风险", "watch points"),
    "change_closed": Text("结束", "over"),
    "incident_none_owed": Text("事件 {id} 没有待确认的报警。", "No alarm of incident {id} waits to be acknowledged."),
    "incident_acked": Text("事件 {id}：已确认 {count} 条报警", "Incident {id}: {count} alarms acknowledged"),
}
