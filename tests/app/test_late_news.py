"""A gateway comes back after an hour with all that it kept: what it knew is told once, marked, and never again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from store.delivery_store import DeliveryReader
from tests.faults.harness.desk import Desk, desk
from tests.faults.harness.lives import command, kill_tree
from tests.faults.harness.site import Followed, Site, make_site
from tests.faults.harness.story import Reading
from tests.servers import HttpReceiver, Mosquitto, VictoriaMetrics, http_receiver, mosquitto, until

HOUR_NS = 3600 * 10**9
RULE = "spine.level"
INFLUX = '  - {{name: history, connector: influxdb, url: "{url}", org: o, bucket: b}}\n'


def backlog(tag: str, begin_ns: int) -> list[Reading]:
    """Ten seconds of quiet, five far above the limit, thirty of quiet."""
    values = [1.0] * 10 + [60.0] * 5 + [1.0] * 30
    return [Reading(tag, begin_ns + at * 10**9, value) for at, value in enumerate(values)]


def publish(port: int, readings: list[Reading]) -> set[tuple[str, int]]:
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for sent in [client.publish(one.topic, one.payload, qos=1) for one in readings]:
        sent.wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    return {(one.tag, one.time_ns) for one in readings}


class World:
    """A site with its broker, duty room and database, in one life after the other."""

    def __init__(self, site: Site, broker: Mosquitto, duty_room: HttpReceiver) -> None:
        self.site, self.broker, self.duty_room = site, broker, duty_room
        self.process = command(site, "run")

    def told(self, tag: str) -> list[dict[str, Any]]:
        """Events of the level of one sensor that the duty room was told of, in order, repeats included."""
        events = [json.loads(request.body)["event"] for request in self.duty_room.requests]
        return [event for event in events if (event.get("tag"), event.get("rule")) == (tag, RULE)]

    def transitions(self, tag: str) -> list[str]:
        return [event["transition"] for event in self.told(tag)]

    def all_delivered(self) -> bool:
        with closing(DeliveryReader(self.site.paths.delivery_db)) as reader:
            return reader.counts("duty-room").delivered == len(self.site.outbox_ids())

    def start(self) -> None:
        subscribed = len(self.site.says("mqtt_subscribed"))
        self.process = command(self.site, "run")
        until(lambda: len(self.site.says("mqtt_subscribed")) > subscribed, "the subscription", 60)


@pytest.fixture(scope="module")
def cli() -> Iterator[Desk]:
    with desk() as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, victoria_metrics: VictoriaMetrics) -> Iterator[World]:
    with mosquitto(tmp_path / "mosquitto") as broker, http_receiver() as duty_room:
        site = make_site(tmp_path / "site", broker.port, webhook_url=duty_room.url)
        with site.config.open("a", encoding="utf-8") as config:
            config.write(INFLUX.format(url=victoria_metrics.url))
        world = World(site, broker, duty_room)
        try:
            until(lambda: site.says("mqtt_subscribed"), "the subscription", 60)
            yield world
        finally:
            kill_tree(world.process)


def test_late_news_is_told_once_and_marked_and_a_restart_tells_nothing_again(
    world: World, cli: Desk, victoria_metrics: VictoriaMetrics
) -> None:
    site, port = world.site, world.broker.port
    kept = backlog("site/g00", time.time_ns() - HOUR_NS)

    publish(port, kept)
    until(lambda: "returned" in world.transitions("site/g00"), "the end of what the gateway knew", 30)
    events = world.told("site/g00")
    assert world.transitions("site/g00").count("raised") == 1
    assert all(event["offline"] for event in events)
    assert events[0]["time_ns"] < events[0]["at_ns"] - HOUR_NS // 2, "it happened then, and is known now"
    marked_in_both_languages(cli, site, events[0]["alarm_id"])
    query = f'{{__name__="alarm_event_offline",tag="site/g00",rule="{RULE}"}}'
    until(lambda: victoria_metrics.export(query), "the events in the database", 30)
    assert {value for series in victoria_metrics.export(query) for value in series["values"]} == {1}

    publish(port, kept)  # a gateway that did not hear the acknowledgement sends all of it again
    live = [Reading("site/g01", time.time_ns() + at, 60.0) for at in range(2)]
    publish(port, live)
    until(lambda: "raised" in world.transitions("site/g01"), "an alarm of now", 30)
    assert not world.told("site/g01")[0]["offline"]
    assert world.told("site/g00") == events

    until(world.all_delivered, "every notice to be noted as delivered", 30)
    told = len(world.duty_room.requests)
    kill_tree(world.process)
    away = publish(port, backlog("site/g02", time.time_ns() - HOUR_NS))
    world.start()
    until(lambda: Followed(site).holds(away), "what came while we were away", 30)
    until(lambda: "returned" in world.transitions("site/g02"), "its notices", 30)
    assert world.transitions("site/g02").count("raised") == 1
    assert all(event["offline"] for event in world.told("site/g02"))
    assert world.told("site/g00") == events
    ids = [request.headers["webhook-id"] for request in world.duty_room.requests]
    assert len(ids) == len(set(ids)) > told, "a restart tells nothing again"


def marked_in_both_languages(cli: Desk, site: Site, alarm_id: str) -> None:
    for lang, mark in (("zh", "补传"), ("en", "late news")):
        for what in (["show", alarm_id], ["list"]):
            done = cli.run("alarms", *what, "--config", str(site.config), "--lang", lang)
            assert (done.code, mark in done.out) == (0, True), done.out
    shown = cli.run("alarms", "show", alarm_id, "--config", str(site.config), "--json").json()
    assert shown["alarm"]["offline"]
    assert all(event["offline"] for event in shown["events"])
