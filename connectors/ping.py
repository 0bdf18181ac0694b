"""Calls an outside address that expects to be called: a dead man's switch such as healthchecks.io."""

from __future__ import annotations

from typing import Literal

import httpx

from model.errors import FengsuiError, RetryableError

TIMEOUT_S = 8.0


class Ping:
    """One address. Proxies of the environment are not asked, redirects are not followed."""

    def __init__(self, url: str, method: Literal["GET", "POST"] = "GET") -> None:
        self._url, self._method = url, method
        self._client = httpx.Client(timeout=TIMEOUT_S, trust_env=False)

    def call(self) -> None:
        """Call it once.

        Raises:
            RetryableError: it did not answer with success.
            FengsuiError: the address is none.

        """
        try:
            answer = self._client.request(self._method, self._url)
        except httpx.InvalidURL as error:
            raise FengsuiError(f"heartbeat: the address cannot be called: {error}") from error
        except (OSError, httpx.HTTPError) as error:
            raise RetryableError(f"heartbeat: {type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise RetryableError(f"heartbeat: answered HTTP {answer.status_code}")

    def close(self) -> None:
        self._client.close()
