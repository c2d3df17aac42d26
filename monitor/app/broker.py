"""An MQTT broker inside the process, for the demonstration only.

amqtt acknowledges a publisher before our journal has its message, and redelivers nothing after a restart. Whoever must
not lose reports runs Mosquitto, EMQX or another real broker.
"""

from __future__ import annotations

import logging
import socket
import warnings
from types import TracebackType


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class EmbeddedBroker:
    """amqtt on a loopback port, open to this machine's users."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> EmbeddedBroker:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from amqtt.broker import Broker

            for name in ("amqtt", "transitions", "transitions.core"):
                logging.getLogger(name).setLevel(logging.ERROR)
            self._broker = Broker(
                {
                    "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}},
                    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
                }
            )
            await self._broker.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._broker.shutdown()
