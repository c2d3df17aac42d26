"""Pushes as HTTP POST: JSON body, idempotency key, signature over time stamp and body."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator

from monitor.alarms.limits import LimitSettings
from monitor.errors import ConfigError, DeliveryError
from monitor.model.push import PushKind, PushMessage
from monitor.sinks.sink import Sent

TIMESTAMP_HEADER = "X-VDM-Timestamp"
SIGNATURE_HEADER = "X-VDM-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"

_TRANSIENT = (408, 429)
"""Refusals that say "later" (RFC 9110 §15.5.9, RFC 6585 §4); every other 4xx says "never"."""
_LONGEST_WAIT_S = 300.0
"""Most that a receiver's Retry-After is followed (a guess)."""


class WebhookSettings(BaseModel):
    """One receiver. The secret is given directly, by the name of an environment variable or by a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64, pattern=r"[\w.-]+", description="unique; its cursor goes by it")
    url: HttpUrl
    kinds: tuple[PushKind, ...] = tuple(PushKind)
    limits: LimitSettings = Field(default=LimitSettings(), description="see `[sinks.webhook.limits]`")
    secret: SecretStr | None = Field(default=None, description="without one, nothing is signed")
    secret_env: str | None = None
    secret_file: Path | None = None
    timeout_s: float = Field(default=10.0, gt=0)
    ca_file: Path | None = Field(default=None, description="authorities to trust instead of the system's")
    proxy: str | None = None

    @model_validator(mode="after")
    def _one_secret(self) -> WebhookSettings:
        if sum(value is not None for value in (self.secret, self.secret_env, self.secret_file)) > 1:
            raise ValueError("give one of secret, secret_env and secret_file")
        return self

    def key(self) -> bytes | None:
        """The signing key. Raises ``ConfigError`` where the named place has none."""
        if self.secret_env is not None:
            value = os.environ.get(self.secret_env)
            if not value:
                reason = f"the environment variable {self.secret_env} is not set"
                raise ConfigError(path=f"webhook {self.name}", problems=(("secret_env", reason),))
            return value.encode()
        if self.secret_file is not None:
            try:
                return self.secret_file.read_bytes().strip()
            except OSError as error:
                problem = ("secret_file", f"cannot be read: {error}")
                raise ConfigError(path=str(self.secret_file), problems=(problem,)) from error
        return None if self.secret is None else self.secret.get_secret_value().encode()


def signature(key: bytes, timestamp_s: str, body: bytes) -> str:
    """``sha256=`` and the hex HMAC-SHA-256 of time stamp, a full stop and the body."""
    return "sha256=" + hmac.new(key, timestamp_s.encode("ascii") + b"." + body, hashlib.sha256).hexdigest()


class WebhookSink:
    """Posts one message after the other over one kept connection. ``now_ms`` is the wall clock, for the time stamp."""

    def __init__(self, settings: WebhookSettings, now_ms: Callable[[], int]) -> None:
        self._settings = settings
        self._now_ms = now_ms
        self._url = str(settings.url)
        self._key = settings.key()
        self._client: httpx.AsyncClient | None = None

    async def send(self, messages: Sequence[PushMessage], /) -> Sent:
        """2xx is delivered; a time-out, 5xx, 408, 429 or a broken connection is tried again; another 4xx never."""
        for delivered, message in enumerate(messages):
            failed = await self._post(message)
            if failed is not None:
                return replace(failed, delivered=delivered)
        return Sent(len(messages))

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _post(self, message: PushMessage) -> Sent | None:
        body = message.body().encode()
        headers = {
            "Content-Type": "application/json",
            # Ids may be Chinese; a header may not.
            IDEMPOTENCY_HEADER: quote(message.idempotency_key, safe="/:;,.-_~@ ()"),
        }
        if self._key is not None:
            headers[TIMESTAMP_HEADER] = str(self._now_ms() // 1000)
            headers[SIGNATURE_HEADER] = signature(self._key, headers[TIMESTAMP_HEADER], body)
        try:
            answer = await self._connected().post(self._url, content=body, headers=headers)
        except (httpx.ConnectTimeout, httpx.PoolTimeout):
            return Sent(0, self._error(f"no connection within {self._settings.timeout_s:g} s"), reached=False)
        except httpx.TimeoutException:
            return Sent(0, self._error(f"no answer within {self._settings.timeout_s:g} s"))
        except httpx.HTTPError as error:
            reached = not isinstance(error, httpx.ConnectError)
            reason = f"cannot be reached: {type(error).__name__} {error}".rstrip()
            return Sent(0, self._error(reason), reached=reached)
        if answer.is_success:
            return None
        status = answer.status_code
        retry = not answer.is_client_error or status in _TRANSIENT
        return Sent(0, self._error(f"answered {status} {answer.reason_phrase}".rstrip(), retry=retry), _wait_s(answer))

    def _error(self, reason: str, *, retry: bool = True) -> DeliveryError:
        return DeliveryError(sink=self._settings.name, reason=reason, retry=retry)

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            ca_file = self._settings.ca_file
            self._client = httpx.AsyncClient(
                timeout=self._settings.timeout_s,
                verify=httpx.create_ssl_context(verify=str(ca_file)) if ca_file else True,
                proxy=self._settings.proxy,
                trust_env=False,
            )
        return self._client


def _wait_s(answer: httpx.Response) -> float:
    wanted = answer.headers.get("Retry-After", "")
    return min(float(wanted), _LONGEST_WAIT_S) if wanted.isascii() and wanted.isdigit() else 0.0
