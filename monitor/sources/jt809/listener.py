"""Where lower platforms log in: one address for several links, told apart by access code and user."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Final

from monitor.codec.jt809 import (
    Cipher,
    UpConnectReply,
    UpConnectRequest,
    Version,
    decode_frame,
    encode_frame,
)
from monitor.codec.jt809.header import LOGIN_TOTAL
from monitor.errors import CodecError, ConfigError
from monitor.sources.jt809.conversation import LOGIN_BYTES
from monitor.sources.jt809.login import Refusals, Verdict, result_code
from monitor.sources.jt809.upper import UpperLink
from monitor.sources.jt809.wire import Wire

log = logging.getLogger(__name__)

_MOST_STRANGERS: Final = 64
_MOST_PER_ADDRESS: Final = 8
"""Connections that have not logged in yet (guesses): a lower platform needs one. Half are for addresses that may."""
_ANY_CIPHER: Final = Cipher(1, 1, 1)
_CLOSING_S: Final = 5.0


class Jt809Listener:
    """``run`` listens and runs the links, until cancelled. The links have the same host and port in their settings."""

    def __init__(self, links: Sequence[UpperLink]) -> None:
        self.links = tuple(links)
        self.host = links[0].settings.host
        self.port = links[0].settings.port
        """The one really listened on, once ``listening`` is set."""
        self.listening = asyncio.Event()
        self.refused: Counter[str] = Counter()
        self._refusals = Refusals()
        self._strangers: Counter[str] = Counter()

    async def run(self) -> None:
        """Raises ``ConfigError`` where the address cannot be listened on."""
        async with asyncio.TaskGroup() as lifetime:
            for link in self.links:
                lifetime.create_task(link.run(), name=f"jt809 {link.name}")
            self._lifetime = lifetime
            try:
                server = await asyncio.get_running_loop().create_server(self._wire, self.host, self.port)
            except OSError as error:
                address = f"jt809://{self.host}:{self.port}"
                raise ConfigError(path=address, problems=(("port", f"cannot be listened on: {error}"),)) from error
            self.port = server.sockets[0].getsockname()[1]
            self.listening.set()
            log.info("listening for JT/T 809 on %s:%d, %d links", self.host, self.port, len(self.links))
            try:
                await asyncio.Event().wait()
            finally:
                server.close()

    def _wire(self) -> Wire:
        unsent = max(link.settings.write_buffer_bytes for link in self.links)
        return Wire(most_bytes=LOGIN_BYTES, unsent_bytes=unsent, made=self._made)

    def _made(self, wire: Wire) -> None:
        allowed = any(link.settings.allows(wire.peer_host) for link in self.links)
        most = _MOST_STRANGERS if allowed else _MOST_STRANGERS // 2
        if self._strangers.total() >= most or self._strangers[wire.peer_host] >= _MOST_PER_ADDRESS:
            self._count(wire, Verdict.BUSY)
            wire.abort("too many")
            return
        # Counted at once: several are accepted before the first of these tasks begins.
        self._strangers[wire.peer_host] += 1
        self._lifetime.create_task(self._introduce(wire), name="jt809 log-in")

    async def _introduce(self, wire: Wire) -> None:
        """Read the first frame, and hand the connection to the link that it is for."""
        try:
            data = await self._first_frame(wire)
            if data is None:
                self._count(wire, Verdict.MALFORMED)
                wire.abort("no log-in")
            elif (refusal := self._assigned(wire, data)) is not None:
                wire.write(refusal)
                wire.close("refused")
                await wire.gone(_CLOSING_S)
        finally:
            self._strangers[wire.peer_host] -= 1
            if not self._strangers[wire.peer_host]:
                del self._strangers[wire.peer_host]

    async def _first_frame(self, wire: Wire) -> bytes | None:
        """Everything up to the end of the first frame at least; None if there is none in time and bounds."""
        data = b""
        try:
            async with asyncio.timeout(max(link.settings.login_s for link in self.links)):
                while b"\x5d" not in data and len(data) <= LOGIN_BYTES:
                    piece = await wire.read(enough=1, linger_s=0)
                    if not piece:
                        return None
                    data += piece
                    if data[:1] != b"\x5b":
                        return None
        except TimeoutError:
            return None
        return data if b"\x5d" in data else None

    def _assigned(self, wire: Wire, data: bytes) -> bytes | None:
        """Hand over to a link; or the answer to give before closing, empty for what deserves none."""
        segment = data[: data.index(b"\x5d") + 1]
        try:
            # The header is the same in both editions up to what is asked of it here; of the body nothing is.
            header = decode_frame(segment, Version.V2011, _ANY_CIPHER).header
        except CodecError:
            self._count(wire, Verdict.MALFORMED)
            return b""
        if header.msg_id != UpConnectRequest.msg_id:
            self._count(wire, Verdict.MALFORMED)
            return b""
        named = [link for link in self.links if link.settings.access_code == header.access_code]
        link, readable = _by_user(named or self.links, segment)
        # Where the length does not tell the edition, it is taken to be the right one.
        version = LOGIN_TOTAL.get(header.length, link.settings.version)
        if not any(one.settings.allows(wire.peer_host) for one in named or self.links):
            verdict = Verdict.ADDRESS
        elif not named:
            verdict = Verdict.ACCESS_CODE
        elif link.settings.version is not version:
            verdict = Verdict.VERSION
        elif not readable:
            verdict = Verdict.MALFORMED
        elif link.adopt(wire, data):
            return None
        else:
            verdict = Verdict.BUSY
        self._count(wire, verdict)
        if named:
            link.counts.refused[verdict] += 1
        # In the edition of the question, so that it can be read.
        reply = UpConnectReply(result=result_code(verdict, version))
        return encode_frame(reply, version=version, access_code=header.access_code, sn=0)

    def _count(self, wire: Wire, verdict: Verdict) -> None:
        self.refused[verdict] += 1
        if times := self._refusals.count(wire.peer_host, verdict):
            log.warning("port %d: log-in from %s refused: %s (%d times)", self.port, wire.peer_host, verdict, times)


def upper_listeners(links: Sequence[UpperLink]) -> list[Jt809Listener]:
    """One listener per address that the settings name; port 0 gets one of its own each."""
    by_address: dict[tuple[str, int, str], list[UpperLink]] = {}
    for link in links:
        settings = link.settings
        own = settings.name if settings.port == 0 else ""
        by_address.setdefault((settings.host, settings.port, own), []).append(link)
    return [Jt809Listener(group) for group in by_address.values()]


def _by_user(links: Sequence[UpperLink], segment: bytes) -> tuple[UpperLink, bool]:
    """Of links with the same access code the one whose user logs in, else the first; and whether it can be read."""
    readable: list[UpperLink] = []
    for link in links:
        try:
            login = decode_frame(segment, link.settings.version, link.cipher).message
        except CodecError:
            continue
        if isinstance(login, UpConnectRequest):
            if login.user_id == link.settings.user_id:
                return link, True
            readable.append(link)
    return (readable[0], True) if readable else (links[0], False)
