"""Commands: what the web process asks the core to do or tell, by name, with a JSON body each way.

Only the core changes the state folder, so whoever writes through the REST API sends a command. ``Commands`` is what the
web process holds; the core keeps a ``Handler`` per name. A refusal is a ``CommandError`` on both sides of the channel.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import msgspec

from monitor.errors import CommandError

T = TypeVar("T")

NOTHING = msgspec.Raw(b"null")


class Command(msgspec.Struct, frozen=True):
    """One command. ``by`` is who asked (kind of token and address, for logs and records), ``body`` is JSON."""

    name: str
    body: msgspec.Raw = NOTHING
    by: str = ""

    def read(self, kind: type[T]) -> T:
        """The body as a Struct, dataclass or plain type. Raises ``CommandError`` (422)."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.MsgspecError as error:
            raise CommandError(status=422, reason="wrong_parameter", message=f"{self.name}: {error}") from None


class Reply(msgspec.Struct, frozen=True):
    """What a command was answered with; ``body`` is JSON."""

    body: msgspec.Raw = NOTHING

    def read(self, kind: type[T]) -> T:
        """The body as a Struct, dataclass or plain type. Raises ``CommandError`` (503): the core is another version."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.MsgspecError as error:
            message = f"The answer of the core cannot be read ({error}); restart web and core from one version."
            raise CommandError(status=503, reason="core_unavailable", message=message) from None


Handler = Callable[[Command], Awaitable[Reply]]
"""Carries out commands of one name in the core. Raises ``CommandError`` to refuse; other errors are logged."""


class Commands(Protocol):
    """The way to the core."""

    async def send(self, command: Command) -> Reply:
        """Carry out a command. Raises ``CommandError``: the core's refusal, or 503 ``core_unavailable``."""
        ...


def command(name: str, body: object = None, *, by: str = "") -> Command:
    """A command whose body is anything that msgspec writes as JSON."""
    return Command(name, msgspec.Raw(msgspec.json.encode(body)), by)


def reply(body: object = None) -> Reply:
    """A reply whose body is anything that msgspec writes as JSON."""
    return Reply(msgspec.Raw(msgspec.json.encode(body)))


class NoCore:
    """Commands where there is no core to send them to: every one is refused."""

    async def send(self, command: Command) -> Reply:
        message = f"There is no core to carry out {command.name}; start it with `monitor run`."
        raise CommandError(status=503, reason="core_unavailable", message=message)
