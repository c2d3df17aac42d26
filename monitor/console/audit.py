"""One log line per command: who gave it, what it was, and what became of it. Bodies hold no secrets."""

from __future__ import annotations

import logging

from monitor.console.commands import Command, Commands, Reply
from monitor.errors import CommandError

audit = logging.getLogger("monitor.audit")

_SHOWN = 500
"""Characters of a body that are shown."""


class AuditedCommands:
    """Commands that are written down before they come back. One without ``by`` is a question of our own."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def send(self, command: Command) -> Reply:
        """As ``Commands.send``."""
        if not command.by:
            return await self._commands.send(command)
        what = f"{command.by}: {command.name} {_shown(bytes(command.body))}"
        try:
            answer = await self._commands.send(command)
        except CommandError as error:
            audit.warning("%s refused: %d %s", what, error.status, error.reason)
            raise
        audit.info("%s done", what)
        return answer


def _shown(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
