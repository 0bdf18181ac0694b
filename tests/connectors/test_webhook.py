"""What is particular to webhooks: signatures, what may be tried again, and where a request must never go."""

from __future__ import annotations

import base64
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook

from connectors import webhook
from connectors.guard import ForbiddenAddressError, is_open, resolve
from connectors.http import retry_after_s
from model.connector import Message
from model.errors import FengsuiError, PermanentError, RetryableError
from tests.servers import HttpReceiver

OLD = "whsec_" + base64.b64encode(b"an old secret of 24 bytes").decode()
NEW = "whsec_" + base64.b64encode(b"a new secret of 24 bytes!").decode()


def sink_at(url: str, **settings: object) -> webhook.WebhookSink:
    sink = webhook.build("duty", webhook.Settings.model_validate({"url": url, "allow_private": True, **settings}))
    assert isinstance(sink, webhook.WebhookSink)
    return sink


def message(number: int = 1) -> Message:
    return Message(f"event-{number}", "alarm-1", 0, {}, f'{{"event":{number},"site":"加油站"}}'.encode())


def test_a_message_is_signed_so_that_the_receiver_can_check_it(receiver: HttpReceiver, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text(f"{NEW}\n", encoding="utf-8")
    sink_at(receiver.url, secret_file=secrets).write([message()])
    request = receiver.requests[0]
    assert Webhook(NEW).verify(request.body, request.headers) == {"event": 1, "site": "加油站"}
    assert request.headers["webhook-id"] == "event-1"
    assert request.headers["content-type"] == "application/json"
    assert NEW.encode() not in request.body


def test_while_a_secret_is_exchanged_both_sign(receiver: HttpReceiver, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text(f"{OLD}\n{NEW}\n", encoding="utf-8")
    sink_at(receiver.url, secret_file=secrets).write([message()])
    request = receiver.requests[0]
    for secret in (OLD, NEW):
        assert Webhook(secret).verify(request.body, request.headers)


def test_a_new_secret_counts_without_a_restart(receiver: HttpReceiver, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text(OLD, encoding="utf-8")
    sink = sink_at(receiver.url, secret_file=secrets)
    secrets.write_text(NEW, encoding="utf-8")
    sink.write([message()])
    assert Webhook(NEW).verify(receiver.requests[0].body, receiver.requests[0].headers)


@pytest.mark.parametrize("content", ["", "whsec_", "not base64!", "whsec_c2hvcnQ=", f"{OLD}\n{NEW}\n{OLD}"])
def test_a_file_without_one_or_two_secrets_is_refused(content: str, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text(content, encoding="utf-8")
    with pytest.raises(FengsuiError, match="secret_file") as refused:
        sink_at("http://127.0.0.1:1", secret_file=secrets)
    assert OLD not in str(refused.value)


def test_the_id_stays_and_the_time_is_that_of_the_attempt(receiver: HttpReceiver) -> None:
    sink = sink_at(receiver.url)
    receiver.answer(503, 200)
    with pytest.raises(RetryableError):
        sink.write([message()])
    sink.write([message()])
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "event-1"
    assert abs(int(second.headers["webhook-timestamp"]) - time.time()) < 60


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403, 404, 408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_retryable(status: int, receiver: HttpReceiver) -> None:
    receiver.answer((status, {"Retry-After": "9", "Location": f"{receiver.url}/elsewhere"}, b""))
    with pytest.raises(RetryableError, match=str(status)) as refused:
        sink_at(receiver.url).write([message()])
    assert refused.value.retry_after_s == 9
    assert [one.path for one in receiver.requests] == ["/"]


@pytest.mark.parametrize("status", [400, 405, 410, 413, 422])
def test_what_will_not_pass_is_permanent_and_the_others_are_sent(status: int, receiver: HttpReceiver) -> None:
    receiver.answer(200, status, 204)
    sink = sink_at(receiver.url)
    with pytest.raises(PermanentError, match=f"HTTP {status}") as refused:
        sink.write([message(1), message(2), message(3)])
    assert refused.value.items == [1]
    assert sink.sent == 2
    assert ("gone" in str(refused.value)) == (status == 410)


def test_a_receiver_that_does_not_answer_in_time_is_retryable(receiver: HttpReceiver) -> None:
    receiver.may_answer.clear()
    with pytest.raises(RetryableError):
        sink_at(receiver.url, timeout_s=0.2).write([message()])


@pytest.mark.parametrize(
    ("header", "expected"),
    [("12", 12.0), ("0", 0.0), ("99999999", 3600.0), (None, None), ("soon", None), ("-5", None), ("9" * 400, 3600.0)],
)
def test_retry_after_is_a_bounded_number_of_seconds(header: str | None, expected: float | None) -> None:
    assert retry_after_s(header) == expected


def test_retry_after_may_be_a_date() -> None:
    delay_s = retry_after_s(formatdate(time.time() + 30, usegmt=True))
    assert delay_s is not None
    assert 25 < delay_s <= 30
    assert retry_after_s(formatdate(0, usegmt=True)) == 0


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "2001:0:5ef5:79fd::1",
    ],
)
def test_an_address_of_our_own_network_is_not_open(address: str) -> None:
    assert not is_open(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "223.5.5.5", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_an_address_of_the_internet_is_open(address: str) -> None:
    assert is_open(address)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433", "::1"])
def test_a_name_of_our_own_network_is_refused_however_it_is_written(host: str) -> None:
    try:
        with pytest.raises(ForbiddenAddressError):
            resolve(host, 443, allow_private=False)
    except OSError:
        pytest.skip(f"this machine has no address for {host}")


def test_a_request_to_our_own_network_is_never_sent(receiver: HttpReceiver) -> None:
    port = receiver.url.rpartition(":")[2]
    sink = sink_at(f"https://localhost:{port}/", allow_private=False)
    with pytest.raises(RetryableError, match="open internet"):
        sink.write([message()])
    assert not sink.probe().ok
    assert receiver.requests == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://duty.example.org/"},
        {"url": "ftp://duty.example.org/"},
        {"url": "https://me:secret@duty.example.org/"},
        {"url": "duty"},
    ],
)
def test_an_address_that_is_not_safe_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        webhook.Settings.model_validate(wrong)


def test_a_proxy_of_the_environment_is_not_used(receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    sink_at(receiver.url).write([message()])
    assert len(receiver.requests) == 1


def test_the_host_of_the_address_is_kept_where_the_ip_is_used(receiver: HttpReceiver) -> None:
    port = receiver.url.rpartition(":")[2]
    sink_at(f"http://localhost:{port}/hook?x=1").write([message()])
    assert receiver.requests[0].headers["host"] == f"localhost:{port}"
    assert receiver.requests[0].path == "/hook?x=1"
