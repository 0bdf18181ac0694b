"""What is particular to the alarm topic: words of the topic, a broker that refuses."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from connectors.mqtt import alarms, readings
from model.connector import Message
from model.errors import PermanentError
from tests.checks.sources import BoundedInbox, running
from tests.servers import Mosquitto, until


def message(number: int, **words: str) -> Message:
    return Message(f"event-{number}", "alarm", 0, words, b"%d" % number)


def test_words_make_the_topic_and_a_missing_one_is_permanent(broker: Mosquitto) -> None:
    place = {"host": "127.0.0.1", "port": broker.port}
    subscriptions = [{"topic": "alarms/#", "tag": "{tag}"}]
    listener = readings.build("listener", readings.Settings.model_validate({**place, "subscriptions": subscriptions}))
    sink = alarms.build("a", alarms.Settings.model_validate({**place, "topic": "alarms/{site}/{tag}"}))
    inbox = BoundedInbox()
    with running(listener, inbox):
        until(listener.connected, "the listener")
        with pytest.raises(PermanentError, match=r"topic needs \['tag'\]") as refused:
            sink.write([message(0, site="s", tag="t/1"), message(1, site="s"), message(2, site="+", tag="#")])
        until(lambda: len(inbox.taken) == 2, "the two others")
    sink.close()
    assert refused.value.items == [1]
    assert [(one.topic, one.payload) for one in inbox.taken] == [("alarms/s/t/1", b"0"), ("alarms/_/_", b"2")]
    assert not any(one.retained for one in inbox.taken)


@pytest.mark.parametrize("topic", ["alarms/+", "alarms/{colour}", "alarms/#", "", "alarms/{site"])
def test_a_topic_that_cannot_be_published_to_is_refused(topic: str) -> None:
    with pytest.raises(ValidationError):
        alarms.Settings.model_validate({"host": "h", "topic": topic})
