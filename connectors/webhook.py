"""Sends each message to a web address, signed as Standard Webhooks say (standardwebhooks.com).

``webhook-id`` is the message's id and stays the same over all attempts, so a receiver drops what it has seen;
``webhook-timestamp`` is that of the attempt. While a secret is exchanged the file holds two, and both sign.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Self

import httpx
from pydantic import Field, HttpUrl, model_validator
from standardwebhooks.webhooks import Webhook

from connectors.contract import Role
from connectors.guard import ForbiddenAddressError, resolve
from connectors.http import may_retry, retry_after_s
from connectors.settings import LocalPath, SettingsModel, read_secret
from model.connector import Message, Probe, Sink
from model.errors import FengsuiError, PermanentError, RetryableError

ROLE: Role = "events"

_SECRETS_MAX = 2
_SECRET_BYTES = range(24, 65)  # Standard Webhooks 1.0, signature scheme
_GONE = 410
_MENDABLE_STATUS = {401, 403, 404}


class Settings(SettingsModel):
    """A web address as a receiver of alarm events."""

    url: HttpUrl = Field(description="Where to POST to; https, unless `allow_private`.")
    secret_file: LocalPath | None = Field(
        default=None, description="File with the secret (`whsec_...`), one a line; two while they are exchanged."
    )
    ca_file: LocalPath | None = Field(default=None, description="Certificates to trust, PEM.")
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60, description="Time to connect.")
    timeout_s: float = Field(default=10.0, gt=0, le=300, description="Time to answer.")
    allow_private: bool = Field(
        default=False, description="Allow http and addresses of our own network; for receivers that are ours."
    )

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.url.scheme != "https" and not self.allow_private:
            raise ValueError(f"url must be https, or allow_private must be true, got {self.url.scheme}")
        if self.url.username or self.url.password:
            raise ValueError("url must hold no user or password, for it is logged")
        return self


def build(name: str, settings: Settings) -> Sink[Message]:
    """Make the sink.

    Raises:
        FengsuiError: a secret or a certificate cannot be read.

    """
    return WebhookSink(name, settings)


class WebhookSink:
    """See the module. Messages are sent one after the other, in their order.

    Attributes:
        sent: messages that the receiver took.
        attempts: requests.

    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.sent = 0
        self.attempts = 0
        self._settings = settings
        self._host = settings.url.host or ""
        self._port = settings.url.port or (443 if settings.url.scheme == "https" else 80)
        _signers(settings)
        try:
            trusted = ssl.create_default_context(cafile=settings.ca_file)
        except OSError as error:
            raise FengsuiError(f"ca_file {settings.ca_file}: must hold certificates, got: {error}") from error
        self._client = httpx.Client(
            timeout=httpx.Timeout(settings.timeout_s, connect=settings.connect_timeout_s),
            trust_env=False,
            follow_redirects=False,
            verify=trusted,
        )

    def probe(self) -> Probe:
        """Resolve the name and reach the server; nothing is posted."""
        try:
            with self._client.stream(
                "HEAD", self._target(), headers=self._host_header(), extensions=self._sni()
            ) as got:
                status = got.status_code
        except (OSError, ForbiddenAddressError, httpx.HTTPError) as error:
            return Probe(ok=False, message=f"{self._settings.url}: {error}")
        return Probe(ok=True, message=f"{self._settings.url}: reached, HTTP {status}")

    def write(self, items: Sequence[Message]) -> None:
        """Send messages.

        Raises:
            RetryableError: the receiver is away, overloaded or does not let us in; what was sent before in the same
                call is offered again with the same id.
            PermanentError: the receiver refuses the messages at ``items``; the others were sent.

        """
        refused: dict[int, str] = {}
        for place, message in enumerate(items):
            status, reason = self._post(message)
            if 200 <= status < 300:
                self.sent += 1
            else:
                refused[place] = reason
        if refused:
            first = next(iter(refused.values()))
            raise PermanentError(f"{self._settings.url}: refused {len(refused)} messages: {first}", items=list(refused))

    def close(self) -> None:
        self._client.close()

    def _post(self, message: Message) -> tuple[int, str]:
        self.attempts += 1
        place = str(self._settings.url)
        try:
            with self._client.stream(
                "POST", self._target(), content=message.body, headers=self._headers(message), extensions=self._sni()
            ) as answer:
                status = answer.status_code
                delay_s = retry_after_s(answer.headers.get("retry-after"))
        except ForbiddenAddressError as error:
            raise RetryableError(f"{place}: {error}; set allow_private if it is meant") from error
        except (OSError, httpx.HTTPError) as error:
            raise RetryableError(f"{place}: {error or type(error).__name__}") from error
        if may_retry(status) or status in _MENDABLE_STATUS or 300 <= status < 400:
            raise RetryableError(f"{place}: HTTP {status}", retry_after_s=delay_s)
        return status, f"HTTP {status}{' (gone: the receiver wants no more messages)' if status == _GONE else ''}"

    def _target(self) -> httpx.URL:
        address = resolve(self._host.strip("[]"), self._port, allow_private=self._settings.allow_private)
        return httpx.URL(str(self._settings.url)).copy_with(host=address)

    def _host_header(self) -> dict[str, str]:
        default = self._port == (443 if self._settings.url.scheme == "https" else 80)
        return {"host": self._host if default else f"{self._host}:{self._port}"}

    def _sni(self) -> dict[str, str]:
        return {"sni_hostname": self._host.strip("[]")} if self._settings.url.scheme == "https" else {}

    def _headers(self, message: Message) -> dict[str, str]:
        headers = {**self._host_header(), "content-type": "application/json", "webhook-id": message.id}
        now = datetime.now(UTC)
        headers["webhook-timestamp"] = str(int(now.timestamp()))
        signatures = [one.sign(message.id, now, message.body.decode()) for one in _signers(self._settings)]
        if signatures:
            headers["webhook-signature"] = " ".join(signatures)
        return headers


def _signers(settings: Settings) -> list[Webhook]:
    """Read the secrets anew for each attempt, so that a changed one counts at once.

    Raises:
        FengsuiError: the file cannot be read or holds no secrets.

    """
    if settings.secret_file is None:
        return []
    secrets = read_secret(settings.secret_file, "secret_file").split()
    if len(secrets) > _SECRETS_MAX:
        raise FengsuiError(f"secret_file {settings.secret_file}: must hold one or two secrets, got {len(secrets)}")
    try:
        keys = [base64.b64decode(secret.removeprefix("whsec_"), validate=True) for secret in secrets]
    except binascii.Error as error:
        raise FengsuiError(
            f"secret_file {settings.secret_file}: must hold whsec_ and base64, got something else"
        ) from error
    for key in keys:
        if len(key) not in _SECRET_BYTES:
            raise FengsuiError(
                f"secret_file {settings.secret_file}: a secret has {_SECRET_BYTES.start} to {_SECRET_BYTES.stop - 1} "
                f"bytes before base64, got {len(key)}"
            )
    return [Webhook(key) for key in keys]
