"""The phrases of ``fengsui diff`` and ``fengsui apply`` in Chinese and English."""

from __future__ import annotations

from model.text import Text

APPLY_WORDS: dict[str, Text] = {
    "apply_checking": Text("读取并检查配置文件", "Reading and checking the files"),
    "apply_same": Text("配置文件与现行配置相同（{version}）。", "The files say what is in force ({version})."),
    "apply_title": Text("现行 {before} → 文件 {after}", "In force {before} -> files {after}"),
    "apply_part": Text("部分", "Part"),
    "apply_added": Text("新增", "Added"),
    "apply_removed": Text("删除", "Removed"),
    "apply_changed": Text("改动", "Changed"),
    "apply_part_alarms": Text("报警时限", "times of alarms"),
    "apply_part_overrides": Text("现场调整", "overrides"),
    "apply_part_incidents": Text("事件设置", "incidents"),
    "apply_part_rules": Text("规则", "rules"),
    "apply_part_detectors": Text("检测器", "detectors"),
    "apply_part_sensors": Text("传感器", "sensors"),
    "apply_part_kinds": Text("测点类型", "kinds"),
    "apply_part_assets": Text("设施", "assets"),
    "apply_part_sites": Text("站点", "sites"),
    "apply_part_grid_cells": Text("网格", "grid cells"),
    "apply_part_enterprises": Text("企业", "enterprises"),
    "apply_more": Text("……另有 {count} 项；--json 列出全部", "... and {count} more; --json has them all"),
    "apply_anew": Text(
        "{detector} 重新开始学习，约 {time} 内不作判断。", "{detector} begins anew, and says nothing for about {time}."
    ),
    "apply_anew_now": Text("{detector} 重新开始。", "{detector} begins anew."),
    "apply_delays": Text("正在计时的延时重新开始：{rules}", "Running delays begin anew: {rules}"),
    "apply_alarms": Text(
        "涉及 {count} 个未关闭报警；它们保持，由新的正常读数或人来结束。",
        "{count} open alarms are touched; they stay on until good readings or a person end them.",
    ),
    "apply_red": Text("涉及红色等级，须两人同意：", "Red grades change; two persons must agree:"),
    "apply_warnings": Text("检查有 {count} 条警告：fengsui check", "{count} warnings of the check: fengsui check"),
    "apply_how": Text("使之生效：fengsui apply --by 姓名", "To make it live: fengsui apply --by NAME"),
    "apply_warmed": Text("已用历史读数预热：{detectors}", "Warmed on past readings: {detectors}"),
    "apply_done": Text("已生效：{version}", "In force: {version}"),
    "apply_proposed": Text(
        "已提出，等待第二人在 {time} 前同意：fengsui apply --approve {version} --by 姓名",
        "Proposed. A second person must agree before {time}: fengsui apply --approve {version} --by NAME",
    ),
    "apply_unknown": Text(
        "{reason}；可能已生效，fengsui status 会显示。", "{reason}; it may be in force, fengsui status shows it."
    ),
    "changes": Text("配置文件", "Files"),
    "changes_same": Text("与现行配置相同", "as in force"),
    "changes_unknown": Text("尚未比较", "not compared yet"),
    "changes_differ": Text(
        "与现行配置不同（{version}）：fengsui diff", "differ from what is in force ({version}): fengsui diff"
    ),
    "changes_wrong": Text("有错误，现行配置继续：{error}", "are wrong, what is in force goes on: {error}"),
    "changes_proposal": Text(
        "{by} 提出的 {version} 等待第二人同意", "{version}, proposed by {by}, waits for a second person"
    ),
}
