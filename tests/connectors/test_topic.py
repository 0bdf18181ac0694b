"""A topic template says what to subscribe to and how a topic becomes a tag."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from connectors.topic import Subscription, TagTemplate, TopicPattern, tag_fault


@pytest.mark.parametrize(
    ("template", "filter_", "topic", "words"),
    [
        ("district/{site}/{sensor}", "district/+/+", "district/a/b", {"site": "a", "sensor": "b"}),
        ("district/{site}/{sensor}", "district/+/+", "district/a/b/c", None),
        ("district/{site}/{sensor}", "district/+/+", "district/a/", None),
        ("v1/dev-{id}/up", "v1/+/up", "v1/dev-7/up", {"id": "7"}),
        ("v1/dev-{id}/up", "v1/+/up", "v1/other-7/up", None),
        ("a/+/{x}", "a/+/+", "a//b", {"x": "b"}),
        ("a/#", "a/#", "a/b/c", {}),
        ("a/#", "a/#", "a", {}),
        ("#", "#", "anything/at all\n", {}),
        ("a.b/{x}", "a.b/+", "aXb/c", None),
    ],
)
def test_a_topic_gives_the_words_of_its_template(
    template: str, filter_: str, topic: str, words: dict[str, str] | None
) -> None:
    pattern = TopicPattern(template)
    assert pattern.filter == filter_
    assert pattern.match(topic) == words


@pytest.mark.parametrize("template", ["", "a/#/b", "a/b+", "{Site}", "{a}/{a}", "$share/group/a", "a/{b", "a#"])
def test_a_template_that_is_no_filter_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="got"):
        TopicPattern(template)


@pytest.mark.parametrize("template", ["", "{", "a{B}"])
def test_a_tag_template_with_a_stray_brace_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="got"):
        TagTemplate(template)


@pytest.mark.parametrize(
    ("topic", "tag"), [("a/{x}", "{y}"), ("a/{tag}", "{tag}"), ("a/{x}", "{x}}"), ("a/#/b", "{tag}")]
)
def test_a_subscription_whose_words_do_not_fit_is_refused(topic: str, tag: str) -> None:
    with pytest.raises(ValidationError):
        Subscription(topic=topic, tag=tag)


def test_a_hash_in_a_tag_template_is_taken_as_it_stands() -> None:
    assert TagTemplate("{a}#{b}").render({"a": "x", "b": "y"}) == "x#y"


@pytest.mark.parametrize("tag", ["", "a b", "a\tb", "a\nb", "a\x00", "x" * 201, "a\u2028b", "a\u00a0b"])
def test_a_tag_that_does_not_print_is_no_tag(tag: str) -> None:
    assert tag_fault(tag) is not None


@pytest.mark.parametrize("tag", ["gas-station-1/ch4-03", "加油站/甲烷", "x" * 200])
def test_a_printable_tag_is_a_tag(tag: str) -> None:
    assert tag_fault(tag) is None
