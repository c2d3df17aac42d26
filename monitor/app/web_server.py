"""A web server of ours inside an event loop of ours: it starts, it tells its port, and it leaves signals alone."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp

from monitor.console.http_settings import HttpSettings
from monitor.errors import ConfigError

_GRACE_S = 3


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals belong to whoever runs the event loop."""
        yield


class WebServer:
    """Binds on construction, so that a port that is taken is told at once (``ConfigError``, naming ``key``)."""

    def __init__(self, app: ASGIApp, settings: HttpSettings, key: str) -> None:
        self._socket = _bound(settings, key)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = _Server(config)

    async def run(self) -> None:
        """Serve until ``stop``, or until cancelled."""
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Finish what is under way and end."""
        self._server.should_exit = True


def _bound(settings: HttpSettings, key: str) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        problem = (f"{key}.host", f"{settings.host} is no address of this machine: {error}")
        raise ConfigError(path=key, problems=(problem,)) from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(128)
        found.setblocking(False)
    except OSError as error:
        found.close()
        reason = f"cannot listen on {settings.host} port {settings.port}: {error.strerror}; choose another port"
        raise ConfigError(path=key, problems=((f"{key}.port", reason),)) from error
    return found
