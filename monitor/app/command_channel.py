"""The command channel from the web process to the core: a unix-domain socket in the state folder, mode 0600.

One JSON object per line each way: ``{"id", "name", "body", "by"}``, answered by ``{"id", "body"}`` or
``{"id", "error": {"status", "reason", "message"}}``. Where the path is too long for a socket, or the system has none,
the core listens on loopback instead; ``command.port`` (mode 0600) then tells the port and the key that opens it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import secrets
import socket
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from monitor.console.commands import NOTHING, Command, Handler, Reply
from monitor.errors import CommandError, OperationError, StoreError

log = logging.getLogger(__name__)

SOCKET = "command.sock"
PORT_FILE = "command.port"
MAX_REQUEST = 16 * 1024 * 1024
"""Bytes of one command (a guess; the longest is a map: 10,000 road sections are some 5 MB)."""
MAX_REPLY = 16 * 1024 * 1024
"""Bytes of one reply (a guess: a million phones of terminals that are connected)."""
MAX_CONNECTIONS = 64
"""The web process opens one per command and at most ``CONCURRENT``; the rest is room for its successor."""
CONCURRENT = 16
HANDLING_S = 30.0
"""How long the core works on a command; whoever asked has been told before that it takes too long (a guess)."""
SENDING_S = 15.0
IDLE_S = 60.0
_PATH_BYTES = 107
"""``sun_path`` of Linux is 108 bytes with its closing zero; other systems have 104, and tell when binding."""


class _Request(msgspec.Struct, frozen=True):
    id: int
    name: str
    body: msgspec.Raw = NOTHING
    by: str = ""


class _Refusal(msgspec.Struct, frozen=True):
    status: int
    reason: str
    message: str


class _Response(msgspec.Struct, frozen=True, omit_defaults=True):
    id: int
    body: msgspec.Raw = NOTHING
    error: _Refusal | None = None


class _Port(msgspec.Struct, frozen=True):
    port: int
    key: str


_request = msgspec.json.Decoder(_Request)
_response = msgspec.json.Decoder(_Response)


class CommandServer:
    """The core's end. ``folder`` is the state folder, whose lock makes the core its only writer.

    Raises ``OperationError`` from ``run`` where another process answers on the socket, or none can be made.
    """

    def __init__(self, folder: Path, handlers: Mapping[str, Handler]) -> None:
        self._folder = folder
        self._handlers = dict(handlers)
        self._key = ""
        self._connections = 0
        self.ready = asyncio.Event()
        """Set while commands are taken."""

    async def run(self) -> None:
        """Take commands until cancelled; those under way are then broken off."""
        listening, undo = await asyncio.to_thread(self._bound)
        try:
            async with asyncio.TaskGroup() as group:

                def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    group.create_task(self._serve(reader, writer), name="command connection")

                server = await asyncio.start_server(take, sock=listening, limit=MAX_REQUEST)
                self.ready.set()
                try:
                    await server.serve_forever()
                finally:
                    self.ready.clear()
                    server.close()
        finally:
            listening.close()
            undo()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections > MAX_CONNECTIONS:
                log.warning("command channel: more than %d connections; this one is closed", MAX_CONNECTIONS)
            elif await self._opened(reader):
                await self._answer_all(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        except Exception:
            log.exception("command channel: a connection is closed")  # and no other with it
        finally:
            self._connections -= 1
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(SENDING_S):
                    await writer.wait_closed()

    async def _opened(self, reader: asyncio.StreamReader) -> bool:
        """Over loopback anybody on the machine can knock: the first line is the key."""
        if not self._key:
            return True
        async with asyncio.timeout(SENDING_S):
            given = await _line(reader)
        if given is not None and hmac.compare_digest(given.strip(), self._key.encode()):
            return True
        log.warning("command channel: a connection without the key is closed")
        return False

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(IDLE_S):
                line = await _line(reader)
            if line == b"":
                return
            response = await self._respond(line)
            data = msgspec.json.encode(response)
            if len(data) >= MAX_REPLY:
                data = msgspec.json.encode(
                    _refused(response.id, 500, "too_long", f"The answer has more than {MAX_REPLY} bytes; ask for less.")
                )
            writer.write(data + b"\n")
            async with asyncio.timeout(SENDING_S):
                await writer.drain()
            if line is None:
                return

    async def _respond(self, line: bytes | None) -> _Response:
        if line is None:
            return _refused(0, 413, "too_long", f"A command has at most {MAX_REQUEST} bytes.")
        try:
            request = _request.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return _refused(0, 400, "no_command", f"This is no command: {error}.")
        handler = self._handlers.get(request.name)
        if handler is None:
            return _refused(request.id, 404, "no_such_command", f"The core has no command {request.name[:80]!r}.")
        try:
            async with asyncio.timeout(HANDLING_S):
                answer = await handler(Command(request.name, request.body, request.by))
        except CommandError as error:
            return _refused(request.id, error.status, error.reason, error.message)
        except StoreError as error:
            return _refused(request.id, 503, "store_unavailable", str(error))
        except TimeoutError:
            message = f"{request.name} was not done within {HANDLING_S:.0f} s; look whether it took effect."
            return _refused(request.id, 503, "timed_out", message)
        except OperationError as error:
            return _refused(request.id, 503, "unavailable", str(error))
        except Exception:
            log.exception("command %s failed", request.name)
            return _refused(request.id, 500, "failed", f"{request.name} failed; the log of the core says why.")
        return _Response(request.id, answer.body)

    def _bound(self) -> tuple[socket.socket, Callable[[], None]]:
        """A listening socket, and how to take away what it leaves in the folder."""
        port_file = self._folder / PORT_FILE
        path = self._folder / SOCKET
        if not _fits(path):
            self._key = secrets.token_urlsafe(32)
            return _on_loopback(port_file, self._key)
        port_file.unlink(missing_ok=True)
        return _on_path(path)


def _on_path(path: Path) -> tuple[socket.socket, Callable[[], None]]:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        listening.bind(str(path))
        path.chmod(0o600)  # before it listens nobody can connect
        listening.listen(MAX_CONNECTIONS)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise OperationError(f"The command channel {path} cannot be made: {error.strerror or error}.") from error
    except BaseException:
        listening.close()
        raise
    ours = path.stat().st_ino

    def undo() -> None:
        with contextlib.suppress(OSError):
            if path.stat().st_ino == ours:
                path.unlink()

    return listening, undo


def _remove_stale(path: Path) -> None:
    """Take away a socket that nobody answers on. Raises ``OperationError`` where somebody does."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OperationError(f"{path} is not a socket; move it away, it stands where the command channel belongs.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError:
            pass  # it is there and busy
    raise OperationError(f"Another core answers on {path}; stop it first.")


def _on_loopback(port_file: Path, key: str) -> tuple[socket.socket, Callable[[], None]]:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    told = msgspec.json.encode
    part = port_file.with_suffix(".part")
    try:
        listening.bind(("127.0.0.1", 0))
        listening.listen(MAX_CONNECTIONS)
        listening.setblocking(False)
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(told(_Port(listening.getsockname()[1], key)))
        part.replace(port_file)
    except OSError as error:
        listening.close()
        raise OperationError(f"The command channel {port_file} cannot be made: {error.strerror or error}.") from error

    def undo() -> None:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            if msgspec.json.decode(port_file.read_bytes(), type=_Port).key == key:
                port_file.unlink()

    return listening, undo


class CommandClient:
    """The web process's end, as ``monitor.console.commands.Commands``: one connection per command."""

    def __init__(self, folder: Path, timeout_s: float = 10.0) -> None:
        self._folder = folder
        self._timeout_s = timeout_s
        self._room = asyncio.Semaphore(CONCURRENT)
        self._last_id = 0

    async def send(self, command: Command) -> Reply:
        """Carry out a command in the core. Raises ``CommandError``."""
        self._last_id += 1
        request = _Request(self._last_id, command.name, command.body, command.by)
        # A line is one command, so no line break may stand between its parts; inside texts JSON has none.
        line = msgspec.json.encode(request).replace(b"\n", b" ").replace(b"\r", b" ")
        if len(line) >= MAX_REQUEST:
            message = f"{command.name} has more than {MAX_REQUEST} bytes; send less at a time."
            raise CommandError(status=413, reason="too_long", message=message)
        try:
            async with asyncio.timeout(self._timeout_s), self._room:
                data = await self._ask(line)
        except TimeoutError:
            message = (
                f"The core did not answer {command.name} within {self._timeout_s:g} s; "
                "it may still carry it out, so look before trying again."
            )
            raise _unavailable(message) from None
        except OSError as error:
            message = f"The core is not running ({error.strerror or error}); start it with `monitor run`."
            raise _unavailable(message) from None
        return _read(data, request)

    async def _ask(self, line: bytes) -> bytes:
        reader, writer = await self._connect()
        try:
            writer.write(line + b"\n")
            await writer.drain()
            return await _line(reader) or b""
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        path, port_file = self._folder / SOCKET, self._folder / PORT_FILE
        # The core may know the folder by a longer name than we do.
        if _fits(path) and not await asyncio.to_thread(port_file.exists):
            return await asyncio.open_unix_connection(str(path), limit=MAX_REPLY)
        stated = await asyncio.to_thread(port_file.read_bytes)
        try:
            place = msgspec.json.decode(stated, type=_Port)
        except msgspec.MsgspecError as error:
            raise OSError(f"{PORT_FILE} cannot be read: {error}") from None
        reader, writer = await asyncio.open_connection("127.0.0.1", place.port, limit=MAX_REPLY)
        writer.write(place.key.encode() + b"\n")
        return reader, writer


def _read(data: bytes, request: _Request) -> Reply:
    try:
        response = _response.decode(data) if data else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        response = None
    if response is None:
        raise _unavailable(f"The core broke off while it carried out {request.name}; look whether it took effect.")
    if response.error is not None:
        error = response.error
        raise CommandError(status=error.status, reason=error.reason, message=error.message)
    if response.id != request.id:
        raise _unavailable(f"The core answered another question than {request.name}; try again.")
    return Reply(response.body)


async def _line(reader: asyncio.StreamReader) -> bytes | None:
    """The next line; empty at the end, None if it is longer than the limit of the reader."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        return b""
    except asyncio.LimitOverrunError:
        return None


def _fits(path: Path) -> bool:
    return hasattr(socket, "AF_UNIX") and len(os.fsencode(path)) <= _PATH_BYTES


def _refused(request_id: int, status: int, reason: str, message: str) -> _Response:
    return _Response(request_id, error=_Refusal(status, reason, message))


def _unavailable(message: str) -> CommandError:
    return CommandError(status=503, reason="core_unavailable", message=message)
