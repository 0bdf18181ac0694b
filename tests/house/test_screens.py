"""Prometheus and Grafana as they are shipped: valid, and asking only for metrics that Fengsui shows."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline.metrics import ArchiveMetrics, DeliveryMetrics, PipelineMetrics
from tests import servers

HOUSE = Path(__file__).parent
DEPLOY = HOUSE.parents[1] / "deploy"
WALLBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboards/wallboard.json").read_text(encoding="utf-8"))
RULES: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "prometheus/rules.yml")
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
CHINESE = re.compile(r"[一-鿿]")


def shown_metrics() -> set[str]:
    registries = (PipelineMetrics().registry, DeliveryMetrics().registry, ArchiveMetrics().registry)
    families = [family for registry in registries for family in registry.collect()]
    return {family.name + suffix for family in families for suffix in SUFFIXES[family.type]}


def panel_queries() -> Iterator[tuple[str, dict[str, Any]]]:
    for panel in WALLBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target


def expressions() -> list[tuple[str, str]]:
    asked = [(title, target["expr"]) for title, target in panel_queries() if "expr" in target]
    return asked + [(rule["alert"], rule["expr"]) for group in RULES["groups"] for rule in group["rules"]]


@pytest.mark.parametrize(("where", "expression"), expressions(), ids=[where for where, _ in expressions()])
def test_an_expression_asks_only_for_metrics_that_are_shown(where: str, expression: str) -> None:
    asked = set(re.findall(r"\bfengsui_\w+", expression))
    assert asked <= shown_metrics(), where
    assert asked or re.search(r"\b(up|ALERTS)\b", expression), where


def test_prometheus_takes_its_configuration_and_rules() -> None:
    command = [servers.program("promtool", "prometheus"), "check", "config", DEPLOY / "prometheus/prometheus.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alarms_about_ourselves_come_when_they_should_and_only_then() -> None:
    command = [servers.program("promtool", "prometheus"), "test", "rules", HOUSE / "rules_test.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_understands_every_expression_of_the_wallboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:query:{at}", "expr": target["expr"]}
        for at, (_, target) in enumerate(panel_queries())
        if "expr" in target
    ]
    file = tmp_path / "wallboard.yml"
    YAML(typ="safe").dump({"groups": [{"name": "wallboard", "rules": rules}]}, file)
    command = [servers.program("promtool", "prometheus"), "check", "rules", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alarm_says_how_bad_it_is_and_what_to_do() -> None:
    for group in RULES["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in {"info", "warning", "critical"}
            assert CHINESE.search(rule["annotations"]["summary"])
            assert rule["annotations"]["action"]


def test_the_wallboard_speaks_chinese_and_no_panel_lies_on_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in WALLBOARD["panels"]:
        assert CHINESE.search(panel["title"])
        assert CHINESE.search(panel["description"])
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in WALLBOARD["panels"]}) == len(WALLBOARD["panels"])


def test_every_panel_has_a_data_source_that_is_provisioned() -> None:
    provisioned = YAML(typ="safe").load(DEPLOY / "grafana/provisioning/datasources/fengsui.yaml")
    sources = {(source["type"], source["uid"]) for source in provisioned["datasources"]}
    for title, target in panel_queries():
        assert (target["datasource"]["type"], target["datasource"]["uid"]) in sources, title


def test_the_prometheus_jobs_are_those_of_the_composition() -> None:
    config = YAML(typ="safe").load(DEPLOY / "prometheus/prometheus.yml")
    settings = YAML(typ="safe").load(DEPLOY / "fengsui/fengsui.yaml")
    ports = {address.rpartition(":")[2] for address in settings["metrics"].values()}
    targets = [target for static in config["scrape_configs"][0]["static_configs"] for target in static["targets"]]
    assert {target.rpartition(":")[2] for target in targets} == ports
