"""A connection of a sink to Redis: made when it is needed, dropped after trouble, every wait bounded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from monitor.model.redis_server import RedisServerSettings


class RedisConnection:
    """Raises ``ConfigError`` on construction for a password or certificate that is not to be had."""

    def __init__(self, settings: RedisServerSettings, name: str) -> None:
        self._options = settings.client_options()
        self._timeout_s = settings.timeout_s
        self._name = name
        self._client: Redis | None = None

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[Redis]:
        """For one exchange of at most ``timeout_s``. Raises ``RedisError`` and ``OSError``, and then it is closed.

        The library repeats nothing by itself: whoever calls knows what may be repeated.
        """
        if self._client is None:
            self._client = Redis(**self._options, retry=Retry(NoBackoff(), 0), client_name=self._name)
        try:
            async with asyncio.timeout(self._timeout_s):
                yield self._client
        except TimeoutError:
            await self.close()
            raise RedisError(f"no answer within {self._timeout_s:g} s") from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            with contextlib.suppress(RedisError, OSError):
                await client.aclose()
