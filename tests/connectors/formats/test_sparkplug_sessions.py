"""Sparkplug B: births and deaths, messages that are missing or overtaken, and when a rebirth is asked for."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats import sparkplug
from connectors.formats.sparkplug_nodes import BEHIND_MAX, Node
from connectors.formats.sparkplug_payload import BOOLEAN, DOUBLE, FLOAT
from model.batch import BAD, GOOD
from tests.connectors.formats.decoding import RECEIVED_NS, Row
from tests.connectors.formats.edge_node import (
    STRING,
    EdgeNode,
    M,
)
from tests.connectors.formats.sparkplug_host import MS, Host, born, dead, marks


def test_a_death_of_the_node_makes_all_its_sensors_bad_at_once() -> None:
    host, node = Host(), EdgeNode(bd_seq=7)
    born(host, node)
    found = host.hear(node.death())
    assert marks(found) == dead("temp", "pump/flow", "pump/on")
    assert all(math.isnan(value) for value in found.values)
    assert host.asks(1000) == []


def test_a_death_of_a_device_makes_its_own_sensors_bad() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    assert marks(host.hear(node.device_death("pump"))) == dead("pump/flow", "pump/on")
    assert host.hear(node.device_death("pump")).left_out == {"unknown_device": 1}
    assert host.asks(1000) == []


def test_a_death_of_an_older_session_says_nothing() -> None:
    host, node = Host(), EdgeNode(bd_seq=8)
    born(host, node)
    found = host.hear(node.death(bd_seq=7))
    assert (found.rows, found.left_out) == ([], {"old_death": 1})
    assert host.hear(node.data(M(value=1.0, alias=1))).values == [1.0]


def test_a_death_that_names_no_session_is_believed_and_the_node_is_asked() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    found = host.hear(("spBv1.0/plant/NDEATH/edge-1", b""))
    assert marks(found) == dead("temp", "pump/flow", "pump/on")
    assert host.asks() == ["spBv1.0/plant/NCMD/edge-1"]


def test_a_birth_after_a_death_counts_from_the_birth_however_old_its_values_are() -> None:
    """Else a value that has not changed since before the death would be late, and the sensor stay bad."""
    host, node = Host(), EdgeNode()
    born(host, node)
    host.hear(node.death(), received_ns=RECEIVED_NS + 10**9)
    node.bd_seq += 1
    old, now = MS - 3_600_000, MS + 5_000
    found = host.hear(
        node.birth(M("temp", 20.5, FLOAT, alias=1, time_ms=old), time_ms=now),
        node.device_birth("pump", M("flow", 5.25, DOUBLE, time_ms=now + 7), time_ms=now),
    )
    assert found.times == [now * 10**6, (now + 7) * 10**6]
    behind = MS + 500  # the node's clock stands before our time of its death
    host.hear(node.death(), received_ns=RECEIVED_NS + 10**10)
    node.bd_seq += 1
    assert host.hear(node.birth(M("temp", 20.5, FLOAT, time_ms=old), time_ms=behind)).times == [None]


def test_a_rebirth_keeps_the_time_of_each_value() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    found = host.hear(node.birth(M("temp", 20.5, FLOAT, alias=1, time_ms=MS - 5000), time_ms=MS + 5000))
    assert found.times == [(MS - 5000) * 10**6]


def test_a_birth_of_another_session_is_the_death_of_the_one_before() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    node.bd_seq += 1
    found = host.hear(node.birth(M("temp", 9.0, FLOAT, alias=1)))
    assert marks(found)[:3] == dead("temp", "pump/flow", "pump/on")
    assert found.values[3:] == [9.0]
    found = host.hear(node.device_data("pump", M(value=1.0, alias=2)))
    assert found.reasons == ["no_birth"]


def test_a_message_that_is_missing_is_waited_for_and_then_a_rebirth_is_asked_for() -> None:
    host, node = Host(reorder_timeout_s=2), EdgeNode()
    born(host, node)
    lost = node.data(M(value=1.0, alias=1))
    found = host.hear(node.data(M(value=2.0, alias=1)))
    assert found.values == [2.0], "what came is not held back"
    assert host.asks(1.9) == []
    assert host.asks(0.2) == ["spBv1.0/plant/NCMD/edge-1"]
    assert host.hear(lost).values == [1.0]
    assert host.asks(1000) == []


def test_a_message_that_comes_late_but_in_time_needs_no_rebirth() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    first, second, third = (node.device_data("pump", M(value=float(n), alias=2)) for n in range(3))
    assert host.hear(third, first, second).values == [2.0, 0.0, 1.0]
    assert host.asks(1000) == []


def test_a_rebirth_is_asked_for_at_most_once_in_its_time_and_again_where_it_got_lost() -> None:
    host, node = Host(rebirth_every_s=60), EdgeNode()
    born(host, node)
    node.seq += 1
    host.hear(node.data(M(value=1.0, alias=1)))
    assert len(host.asks()) == 1
    for _ in range(50):
        host.hear(node.data(M(value=1.0, alias=99)))
        assert host.asks(1.0) == []
    assert len(host.asks(10)) == 1
    host.hear(node.birth(M("temp", 1.0, FLOAT, alias=1)))
    assert host.asks(1000) == []


def test_numbers_begin_anew_after_255() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    found = host.hear(*(node.data(M(value=float(n), alias=1)) for n in range(600)))
    assert len(found.rows) == 600
    assert host.asks(1000) == []


def test_a_message_that_comes_again_is_no_gap() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    again = [node.data(M(value=float(n), alias=1)) for n in range(BEHIND_MAX)]
    host.hear(*again, *again[1:])
    assert host.asks(1000) == []
    host.hear(node.data(M(value=1.0, alias=1)))
    assert host.asks(1000) == []


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 255), st.permutations(range(6)), st.sets(st.integers(0, 5)))
def test_whatever_the_order_nothing_is_missing_but_what_did_not_come(
    begin: int, order: list[int], lost: set[int]
) -> None:
    node = Node()
    node.begin(0, begin, 0)
    for k in order:
        if k not in lost:
            node.count((begin + 1 + k) % 256, 0)
    came = [k for k in range(6) if k not in lost]
    expected = {(begin + 1 + k) % 256 for k in lost if came and k < max(came)}
    assert node.missing == expected
    assert node.open == ({"seq"} if expected else set())


def test_an_alias_that_nobody_announced_is_refused_by_name_and_a_rebirth_is_asked_for() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    found = host.hear(node.data(M(value=1.0, alias=1), M(value=2.0, alias=77)))
    assert (found.values, found.reasons) == ([1.0], ["unknown_alias"])
    assert "got 77" in found.refused[0].detail
    assert host.asks() == ["spBv1.0/plant/NCMD/edge-1"]


def test_an_alias_of_a_device_is_not_one_of_another() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    host.hear(node.device_birth("valve", M("pos", 1.0, FLOAT, alias=5)))
    assert host.hear(node.device_data("valve", M(value=9.0, alias=2))).reasons == ["unknown_alias"]


def test_after_a_restart_of_ours_what_can_be_known_is_kept_and_the_node_is_asked() -> None:
    node = EdgeNode()
    born(Host(), node)
    host = Host()
    found = host.hear(
        node.device_data("pump", M("flow", 6.5, DOUBLE), M(value=1.0, alias=3)),
        node.device_data("pump", M("named", more={"int_value": 5})),
        node.data(M("temp", 21.5, FLOAT), M("fw", datatype=STRING)),
    )
    assert found.rows == [Row("pump/flow", 6.5, 2000 * 10**6), Row("temp", 21.5, 2000 * 10**6)]
    assert found.reasons == ["no_birth", "no_birth"]
    assert "datatype of b'named'" in found.refused[1].detail
    assert host.asks() == ["spBv1.0/plant/NCMD/edge-1"]
    host.hear(
        node.birth(M("temp", 21.5, FLOAT, alias=1)),
        node.device_birth("pump", M("on", value=True, datatype=BOOLEAN, alias=3)),
    )
    assert host.hear(node.device_data("pump", M(value=False, alias=3))).values == [0.0]
    assert host.asks(1000) == []


def test_nodes_that_are_named_are_asked_at_our_start() -> None:
    host = Host(nodes=["plant/edge-1", "plant/edge 2"])
    assert host.asks(0) == ["spBv1.0/plant/NCMD/edge-1", "spBv1.0/plant/NCMD/edge 2"]
    host.hear(EdgeNode().birth())
    assert host.asks(60) == ["spBv1.0/plant/NCMD/edge 2"]


def test_a_birth_of_a_device_may_overtake_that_of_its_node() -> None:
    host, node = Host(), EdgeNode()
    birth = node.birth(M("temp", 1.0, FLOAT, alias=1))
    device = node.device_birth("pump", M("flow", 5.25, DOUBLE, alias=2))
    data = node.device_data("pump", M(value=6.0, alias=2))
    assert host.hear(device, birth, data).values == [5.25, 1.0, 6.0]
    assert host.asks(1000) == []


def test_births_may_come_in_pieces_with_data_between() -> None:
    host, node = Host(), EdgeNode()
    messages = [node.birth(M("temp", 1.0, FLOAT, alias=1))]
    for n in range(3):
        messages += [
            node.device_birth(f"d{n}", M("x", float(n), FLOAT, alias=10 + n)),
            node.data(M(value=9.0, alias=1)),
        ]
    messages += [node.device_data(f"d{n}", M(value=n + 0.5, alias=10 + n)) for n in range(3)]
    found = [host.hear(message) for message in messages]
    assert [value for one in found for value in one.values] == [1.0, 0, 9, 1, 9, 2, 9, 0.5, 1.5, 2.5]
    assert host.asks(1000) == []


def test_a_device_that_was_not_born_is_asked_for_until_it_is() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    host.hear(node.device_data("valve", M(value=1.0, alias=5)))
    host.hear(node.device_birth("valve", M("pos", 1.0, FLOAT, alias=5)))
    assert host.asks(1000) == [], "its birth was only late"
    host.hear(node.device_data("lost", M(value=1.0, alias=6)))
    assert host.asks() == ["spBv1.0/plant/NCMD/edge-1"]


def test_a_death_that_overtakes_the_birth_of_its_session_counts() -> None:
    """MQTT keeps the order within a topic only."""
    host, node = Host(), EdgeNode(bd_seq=3)
    born(host, node)
    node.bd_seq = 4
    host.hear(node.death(), received_ns=RECEIVED_NS)
    found = host.hear(node.birth(M("temp", 5.0, FLOAT, alias=1)), received_ns=RECEIVED_NS + 10**9)
    assert marks(found)[-1] == ("temp", BAD, None)
    assert host.asks() == ["spBv1.0/plant/NCMD/edge-1"], "it may live"
    found = host.hear(node.birth(M("temp", 5.0, FLOAT, alias=1)), received_ns=RECEIVED_NS + 3 * 10**9)
    assert found.rows[-1].quality == GOOD


def test_a_death_long_before_the_birth_of_its_number_is_another_sessions() -> None:
    host, node = Host(), EdgeNode(bd_seq=0)
    host.hear(node.death(), received_ns=RECEIVED_NS)
    found = host.hear(node.birth(M("temp", 5.0, FLOAT)), received_ns=RECEIVED_NS + 60 * 10**9)
    assert [row.quality for row in found.rows] == [GOOD]


def test_metrics_beyond_what_is_remembered_are_refused_and_those_known_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparkplug, "METRICS_MAX", 10)
    host, node, other = Host(), EdgeNode(), EdgeNode(node="edge-2")
    born(host, node)
    found = host.hear(other.birth(*(M(f"m{n}", 1.0, FLOAT) for n in range(10))))
    assert found.reasons == ["too_many"]
    assert host.hear(node.data(M(value=3.0, alias=1))).values == [3.0]
    host.hear(node.birth(M("temp", 20.5, FLOAT, alias=1), *(M(f"m{n}", 1.0, FLOAT) for n in range(4))))
    again = host.hear(node.birth(M("temp", 20.5, FLOAT, alias=1), *(M(f"m{n}", 1.0, FLOAT) for n in range(4))))
    assert not again.refused, "what a birth replaces makes room for it"
    assert host.hear(node.data(M(value=4.0, alias=1))).values == [4.0]


def test_nodes_beyond_what_is_remembered_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparkplug, "NODES_MAX", 2)
    host = Host()
    found = host.hear(*(EdgeNode(node=f"e{n}").birth(M("x", 1.0, FLOAT)) for n in range(3)))
    assert (len(found.rows), found.reasons) == (2, ["too_many"])


def test_names_of_dead_sessions_are_forgotten_and_those_alive_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparkplug, "_REMEMBERED_MAX", 20)
    host, node, other = Host(unit_property="u"), EdgeNode(), EdgeNode(node="edge-2")
    born(host, node)
    for n in itertools.count(1):
        other.bd_seq = n
        host.hear(other.birth(*(M(f"m{n}-{k}", 1.0, FLOAT) for k in range(5))))
        if n == 12:
            break
    assert len(host.decoder._formats[0]._names) < 40  # type: ignore[attr-defined]
    found = host.hear(node.data(M(value=3.0, alias=1)), node.device_data("pump", M(value=4.0, alias=2)), node.death())
    assert [row.tag for row in found.rows] == ["temp", "pump/flow", "temp", "pump/flow", "pump/on"]


def test_two_groups_and_nodes_are_kept_apart() -> None:
    host = Host(node_tag="{group}/{node}/{tag}")
    a, b = EdgeNode("north"), EdgeNode("south")
    host.hear(a.birth(M("t", 1.0, FLOAT, alias=1)), b.birth(M("t", 2.0, FLOAT, alias=1)))
    found = host.hear(a.data(M(value=3.0, alias=1)), b.data(M(value=4.0, alias=1)), a.death())
    assert found.tags == ["north/edge-1/t", "south/edge-1/t", "north/edge-1/t"]
