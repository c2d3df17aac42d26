"""What happens because time passes: silent connections end, missing packets are asked for, terminals are kept."""

from __future__ import annotations

import asyncio

import numpy as np

from monitor.codec.jt808 import Version
from monitor.codec.jt808.messages.retransmission import RetransmitRequest
from monitor.codec.jt808.replies import FAILED
from monitor.sources.jt808.answering import answer_packets
from monitor.sources.jt808.packets import PacketSet, PacketSets
from monitor.sources.jt808.record_keeping import RecordKeeping
from monitor.sources.jt808.switchboard import Switchboard, wire_phone

_MOST_S = 1.0
_STALLED_S = 5.0
"""Guess: the journal stands still when what was received is left unread for so long."""
_ASKED_AT_ONCE = 255
"""The count of 0x8003 is one byte before 2019."""


class Watch:
    def __init__(self, switchboard: Switchboard, packets: PacketSets, keeping: RecordKeeping) -> None:
        self._switchboard = switchboard
        self._settings = switchboard.settings
        self._packets = packets
        self._keeping = keeping
        self._looks = 0

    async def run(self) -> None:
        settings = self._settings
        pause_s = min(_MOST_S, settings.idle_s / 4, settings.first_frame_s / 4, settings.packets_s / 4)
        while True:
            await asyncio.sleep(pause_s)
            self._end_the_silent()
            self._ask_for_packets()
            self._keep_terminals(pause_s)

    def _end_the_silent(self) -> None:
        settings, switchboard = self._settings, self._switchboard
        rows, now_s = switchboard.lines.rows, switchboard.clock_s()
        connections = rows["connection"]
        if switchboard.inbox.waiting and now_s - switchboard.read_s > _STALLED_S:
            # They are silent because we do not read.
            rows["heard_s"][connections] = now_s
            rows["opened_s"][connections & ~rows["sound"]] = now_s
        mute = connections & ~rows["sound"] & (now_s - rows["opened_s"] > settings.first_frame_s)
        silent = connections & rows["sound"] & (now_s - rows["heard_s"] > settings.idle_s)
        old = connections & ~rows["taking"] & (now_s - rows["opened_s"] > settings.idle_s) & ~silent & ~mute
        for reason, lines in (("no_frame", mute), ("idle", silent), ("not_authenticated", old)):
            for line in np.flatnonzero(lines).tolist():
                connection = switchboard.connections[line]
                if reason == "not_authenticated" and switchboard.hears(connection):
                    continue
                switchboard.drop(connection, reason)

    def _ask_for_packets(self) -> None:
        switchboard = self._switchboard
        for packets, again in self._packets.due(switchboard.clock_s(), self._settings.packets_asked):
            if again:
                self._ask(packets)
            else:
                switchboard.counts.packet_sets["expired"] += 1
                answer_packets(switchboard, packets, FAILED)

    def _ask(self, packets: PacketSet) -> None:
        self._switchboard.counts.packet_sets["asked"] += 1
        line, field, _, first_serial = packets.key
        newer = bool(packets.answered["version_bit"][0])
        version = Version.V2019 if newer else Version.V2013
        request = RetransmitRequest(first_serial=first_serial, indexes=packets.missing[:_ASKED_AT_ONCE])
        self._switchboard.say(packets.connection, line, wire_phone(field, version), version, request)

    def _keep_terminals(self, pause_s: float) -> None:
        """A share of the lines at every look, so that all are kept in time and none waits for all."""
        rows = self._switchboard.lines.rows
        turns = max(1, round(self._settings.kept_s / pause_s))
        turn = self._looks % turns
        self._looks += 1
        due = np.flatnonzero(rows["changed"][turn::turns]) * turns + turn
        if not len(due):
            return
        of_line = {session.line: session for session in self._switchboard.sessions.values()}
        for line in due.tolist():
            session = of_line.get(line)
            if session is not None:
                self._keeping.heard(self._switchboard, session)
