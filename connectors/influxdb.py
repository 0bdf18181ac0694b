"""Writes points to InfluxDB 2, or to anything that takes its line protocol, one request a batch and synchronously.

A point is the same point when it is written twice, so a batch may be offered again at any time. The client's own
batching is not used: it loses points while the server is away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from pydantic import Field, HttpUrl
from urllib3.exceptions import HTTPError

from connectors.contract import Role
from connectors.http import may_retry, retry_after_s
from connectors.settings import LocalPath, SettingsModel, read_secret
from model.connector import Point, Probe, Sink
from model.errors import FengsuiError, PermanentError, RetryableError

ROLE: Role = "points"

#: A person mends these without the points being at fault: token, rights, a bucket that is not there yet.
_MENDABLE_STATUS = {401, 403, 404}
_NAMED_MAX = 3
# the library annotates its own strings as objects of the class
_PRECISION: WritePrecision = WritePrecision.NS  # type: ignore[assignment]

_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ ", "\n": " ", "\r": " "})
_WORD = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ ", "\r": r"\ "})
_TEXT = str.maketrans({'"': r"\"", "\\": r"\\", "\n": r"\n", "\r": r"\r"})


class Settings(SettingsModel):
    """An InfluxDB 2 API as a sink of readings and alarm events."""

    url: HttpUrl = Field(description="Base address, e.g. `http://127.0.0.1:8086`.")
    token_file: LocalPath | None = Field(default=None, description="File that holds the API token.")
    org: str = Field(min_length=1, description="Organisation.")
    bucket: str = Field(min_length=1, description="Bucket.")
    ca_file: LocalPath | None = Field(default=None, description="Certificates to trust, PEM.")
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60, description="Time to connect.")
    timeout_s: float = Field(default=15.0, gt=0, le=300, description="Time to answer.")
    batch_max: int = Field(default=5000, ge=1, le=100000, description="Points a request.")
    gzip: bool = Field(default=False, description="Compress requests.")


def build(name: str, settings: Settings) -> Sink[Point]:
    """Make the sink. Its token is read when it writes, so that a lost file does not keep other sinks from starting."""
    return InfluxSink(name, settings)


class InfluxSink:
    """See the module.

    Attributes:
        written: points taken by the server.
        rejected: points it will never take.
        requests: requests sent.

    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.written = 0
        self.rejected = 0
        self.requests = 0
        self._settings = settings
        self._client: InfluxDBClient | None = None

    def probe(self) -> Probe:
        try:
            self._post([])
        except (RetryableError, FengsuiError) as error:
            return Probe(ok=False, message=str(error))
        except ApiException as error:
            if error.status != 400:  # an empty write is refused only after the token and the bucket were found good
                return Probe(ok=False, message=f"{self._settings.url}: HTTP {error.status}")
        return Probe(ok=True, message=f"{self._settings.url}: takes points for bucket {self._settings.bucket}")

    def write(self, items: Sequence[Point]) -> None:
        """Write points.

        Where the server refuses a batch, it is halved until the points at fault are alone; all the others are written
        before their refusal is raised. A point without a finite field says nothing and is left out.

        Raises:
            RetryableError: the server is away, overloaded, or does not let us in; offer the same points again.
            PermanentError: the server will never take the points at ``items``.

        """
        lines = [line_of(point) for point in items]
        places = [place for place, line in enumerate(lines) if line]
        refused: dict[int, str] = {}
        for begin in range(0, len(places), self._settings.batch_max):
            self._write_part(lines, places[begin : begin + self._settings.batch_max], refused)
        if refused:
            named = "; ".join(f"{lines[place][:200]!r}: {why}" for place, why in list(refused.items())[:_NAMED_MAX])
            raise PermanentError(
                f"{self._settings.url}: refused {len(refused)} of {len(items)} points, such as {named}",
                items=sorted(refused),
            )

    def close(self) -> None:
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call]
            self._client = None

    def _write_part(self, lines: list[str], places: list[int], refused: dict[int, str]) -> None:
        parts = [places]
        while parts:
            part = parts.pop()
            try:
                self._post([lines[place] for place in part])
            except ApiException as error:
                if len(part) == 1:
                    refused[part[0]] = _reason(error)
                    self.rejected += 1
                else:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
            else:
                self.written += len(part)

    def _post(self, lines: list[str]) -> None:
        """One request; an ``ApiException`` that leaves here is about the points themselves."""
        client = self._connect()
        self.requests += 1
        place = str(self._settings.url)
        try:
            client.write_api(write_options=SYNCHRONOUS).write(
                self._settings.bucket, self._settings.org, "\n".join(lines).encode(), _PRECISION
            )
        except ApiException as error:
            status = int(error.status or 0)
            if status in _MENDABLE_STATUS:
                self.close()  # the token is read again, for it may have been changed
            if may_retry(status) or status in _MENDABLE_STATUS or 300 <= status < 400:
                delay_s = retry_after_s(dict(error.headers or {}).get("Retry-After"))
                raise RetryableError(f"{place}: HTTP {status}: {_reason(error)}", retry_after_s=delay_s) from error
            raise
        except (HTTPError, OSError) as error:
            self.close()
            raise RetryableError(f"{place}: {error}") from error

    def _connect(self) -> InfluxDBClient:
        settings = self._settings
        if self._client is None:
            token = "" if settings.token_file is None else read_secret(settings.token_file, "token_file")
            self._client = InfluxDBClient(
                str(settings.url).rstrip("/"),
                token=token,
                org=settings.org,
                timeout=(settings.connect_timeout_s * 1000, settings.timeout_s * 1000),
                enable_gzip=settings.gzip,
                ssl_ca_cert=None if settings.ca_file is None else str(settings.ca_file),
            )
        return self._client


def line_of(point: Point) -> str:
    """The point in line protocol; empty where it has no field that can be written.

    Text that would break the line is replaced: line ends by blanks in names, a backslash at the end of a tag left out.
    """
    fields = ",".join(
        f"{_word(name)}={text}" for name, value in point.fields.items() if (text := _field(value)) is not None
    )
    if not fields:
        return ""
    tags = "".join(f",{_word(name)}={_word(text)}" for name, text in sorted(point.tags.items()) if name and _word(text))
    return f"{point.measurement.translate(_MEASUREMENT)}{tags} {fields} {point.time_ns}"


def _word(text: str) -> str:
    return text.rstrip("\\").translate(_WORD)


def _field(value: float | str | bool) -> str | None:  # noqa: FBT001
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}i" if -(2**63) <= value < 2**63 else None
    if isinstance(value, str):
        return f'"{value.translate(_TEXT)}"'
    return repr(float(value)) if math.isfinite(value) else None


def _reason(error: ApiException) -> str:
    body = error.body or b""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
    return " ".join(text.split())[:300] or str(error.reason)
