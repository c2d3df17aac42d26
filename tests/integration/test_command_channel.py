"""The command channel over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from monitor.app import command_channel
from monitor.app.command_channel import MAX_REQUEST, PORT_FILE, SOCKET, CommandClient, CommandServer
from monitor.console.commands import Command, Handler, Reply, command, reply
from monitor.errors import CommandError, OperationError, StoreError

pytestmark = pytest.mark.integration


class Sum(msgspec.Struct, frozen=True):
    parts: tuple[int, ...]


async def _sum(asked: Command) -> Reply:
    return reply({"sum": sum(asked.read(Sum).parts), "by": asked.by})


async def _refuse(asked: Command) -> Reply:
    raise CommandError(status=409, reason="not_queued", message="It was sent.")


async def _fail(asked: Command) -> Reply:
    raise ZeroDivisionError


async def _store(asked: Command) -> Reply:
    raise StoreError(reason="disk full")


async def _echo(asked: Command) -> Reply:
    return Reply(asked.body)


HANDLERS: Mapping[str, Handler] = {"sum": _sum, "refuse": _refuse, "fail": _fail, "store": _store, "echo": _echo}


@asynccontextmanager
async def serving(folder: Path, handlers: Mapping[str, Handler] = HANDLERS) -> AsyncIterator[CommandServer]:
    server = CommandServer(folder, handlers)
    task = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(10):
            ready = asyncio.create_task(server.ready.wait())
            await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
        if task.done():
            task.result()
        yield server
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, OperationError):
            await task


@pytest.fixture(params=["socket", "port"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A state folder whose path fits a socket, and one whose path does not."""
    if request.param == "socket":
        return tmp_path
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    return deep


async def refused(client: CommandClient, asked: Command) -> tuple[int, str]:
    with pytest.raises(CommandError) as caught:
        await client.send(asked)
    assert caught.value.message
    return caught.value.status, caught.value.reason


async def test_a_command_is_answered(folder: Path) -> None:
    async with serving(folder):
        answer = await CommandClient(folder).send(command("sum", Sum((1, 2)), by="local -"))
        assert answer.read(dict[str, object]) == {"sum": 3, "by": "local -"}


async def test_many_at_once_each_get_their_own_answer(folder: Path) -> None:
    async with serving(folder):
        client = CommandClient(folder)
        answers = await asyncio.gather(*(client.send(command("echo", number)) for number in range(200)))
        assert [answer.read(int) for answer in answers] == list(range(200))


async def test_refusals_come_back_as_they_were_made(folder: Path) -> None:
    async with serving(folder):
        client = CommandClient(folder)
        assert await refused(client, command("refuse")) == (409, "not_queued")
        assert await refused(client, command("sum", {"parts": ["x"]})) == (422, "wrong_parameter")
        assert await refused(client, command("nothing")) == (404, "no_such_command")
        assert await refused(client, command("store")) == (503, "store_unavailable")
        assert await refused(client, command("fail")) == (500, "failed")
        assert await refused(client, command("echo", "x" * command_channel.MAX_REQUEST)) == (413, "too_long")
        assert (await client.send(command("echo", "still there"))).read(str) == "still there"


async def test_line_breaks_do_not_part_a_command(folder: Path) -> None:
    async with serving(folder):
        body = msgspec.Raw(b'{\n"text": "a\\nb"\r\n}')
        answer = await CommandClient(folder).send(Command("echo", body))
        assert answer.read(dict[str, str]) == {"text": "a\nb"}


async def test_an_answer_that_is_too_long_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_channel, "MAX_REPLY", 1_000)
    async with serving(folder):
        assert await refused(CommandClient(folder), command("echo", "x" * 2_000)) == (500, "too_long")


async def test_without_a_core_it_says_so(folder: Path) -> None:
    assert await refused(CommandClient(folder), command("sum")) == (503, "core_unavailable")
    async with serving(folder):
        pass
    assert os.listdir(folder) == []
    assert await refused(CommandClient(folder), command("sum")) == (503, "core_unavailable")


async def test_a_core_that_does_not_answer_is_not_waited_for(folder: Path) -> None:
    never = asyncio.Event()

    async def wait(asked: Command) -> Reply:
        await never.wait()
        return reply()

    async with serving(folder, {"wait": wait}):
        assert await refused(CommandClient(folder, timeout_s=0.05), command("wait")) == (503, "core_unavailable")


async def test_a_handler_has_its_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_channel, "HANDLING_S", 0.05)
    never = asyncio.Event()

    async def wait(asked: Command) -> Reply:
        await never.wait()
        return reply()

    async with serving(folder, {"wait": wait}):
        assert await refused(CommandClient(folder), command("wait")) == (503, "timed_out")


async def test_only_its_owner_can_reach_it(folder: Path) -> None:
    async with serving(folder):
        (left,) = os.listdir(folder)
        assert stat.S_IMODE(os.stat(folder / left).st_mode) == 0o600
        assert left in (SOCKET, PORT_FILE)


async def test_a_socket_that_was_left_behind_is_taken_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET))
    assert (tmp_path / SOCKET).exists()
    async with serving(tmp_path):
        assert (await CommandClient(tmp_path).send(command("echo", 1))).read(int) == 1


async def test_there_is_one_server_per_folder(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with pytest.raises(OperationError, match="Another core answers"):
            await CommandServer(tmp_path, HANDLERS).run()
        assert (await CommandClient(tmp_path).send(command("echo", 1))).read(int) == 1


async def test_a_file_in_its_place_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / SOCKET).write_text("notes")
    with pytest.raises(OperationError, match="is not a socket"):
        await CommandServer(tmp_path, HANDLERS).run()
    assert (tmp_path / SOCKET).read_text() == "notes"


GARBAGE = (b"\n", b"{}\n", b"\xff\xfe\n", b'{"id": "x"}\n', b"[" * 5_000 + b"\n", b'{"id":1,"name":"echo"}')


@pytest.mark.parametrize("line", GARBAGE, ids=[repr(line[:12]) for line in GARBAGE])
async def test_garbage_is_refused_and_ends_nothing(tmp_path: Path, line: bytes) -> None:
    async with serving(tmp_path):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET))
        writer.write(line)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert answer == b"" or b'"error"' in answer
        assert (await CommandClient(tmp_path).send(command("echo", 1))).read(int) == 1


async def test_a_line_without_end_is_cut_off(tmp_path: Path) -> None:
    async with serving(tmp_path):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET))
        with contextlib.suppress(OSError):
            for _ in range(MAX_REQUEST // 65_536 + 40):
                writer.write(b"x" * 65_536)
                await writer.drain()
        with contextlib.suppress(OSError):
            assert b"too_long" in await reader.read()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        assert (await CommandClient(tmp_path).send(command("echo", 1))).read(int) == 1


async def test_a_command_nested_without_end_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET))
        writer.write(b'{"id":1,"name":"echo","body":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n")
        assert b"no_command" in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_over_loopback_the_key_is_needed(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    async with serving(deep):
        port = msgspec.json.decode((deep / PORT_FILE).read_bytes())["port"]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b'wrong\n{"id":1,"name":"echo","body":1}\n')
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        assert (await CommandClient(deep).send(command("echo", 1))).read(int) == 1
        assert os.listdir(deep) == [PORT_FILE]
