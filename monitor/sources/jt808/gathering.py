"""From what connections received to the journal, and back to them as replies.

Everything that waits is read together: a step of Python per connection, none per frame. While one round is being
journalled the next ones are read and share its fsync.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import numpy as np

from monitor.codec.jt808 import FrameOutcome
from monitor.codec.jt808.framing import MAX_SEGMENT
from monitor.errors import OperationError
from monitor.model.bad_bytes import BadBytes
from monitor.sources.intake import Decoded, Deliver, Intake
from monitor.sources.jt808.answering import answer_packets, answer_round
from monitor.sources.jt808.kinds import KINDS, OTHER
from monitor.sources.jt808.packets import PacketSets
from monitor.sources.jt808.record_keeping import RecordKeeping
from monitor.sources.jt808.reports import reports_of
from monitor.sources.jt808.round import Round, When, read_round
from monitor.sources.jt808.sifting import count_junk, sift
from monitor.sources.jt808.switchboard import Switchboard
from monitor.sources.jt808.traffic import Traffic

log = logging.getLogger(__name__)

_UNDER_WAY = 8
"""Rounds handed over and not yet safe: they share fsyncs. On a slow disk (0.3 s per fsync) three rounds carried no more
than 27,000 frames/s, eight up to 39,000; on a fast one it makes no difference (measured)."""
_FEW_FRAMES = 16
"""A round with fewer did not pay its own way: there is no load, and the next one does not wait for more (guess)."""


class Gathering:
    """``run`` until cancelled."""

    def __init__(
        self,
        switchboard: Switchboard,
        traffic: Traffic,
        packets: PacketSets,
        keeping: RecordKeeping,
        deliver: Deliver,
        now_ms: Callable[[], int],
        on_authenticated: Callable[[str], None],
    ) -> None:
        self._switchboard = switchboard
        self._settings = switchboard.settings
        self._counts = switchboard.counts
        self._feed = switchboard.settings.feed()
        self._traffic = traffic
        self._packets = packets
        self._keeping = keeping
        self._deliver = deliver
        self._now_ms = now_ms
        self._on_authenticated = on_authenticated

    async def run(self) -> None:
        inbox, settings = self._switchboard.inbox, self._settings
        free = asyncio.Semaphore(_UNDER_WAY)
        n_frames = 0
        async with asyncio.TaskGroup() as deliveries:
            while True:
                await inbox.arrived()
                if n_frames >= _FEW_FRAMES:
                    await inbox.filled(settings.batch_bytes, settings.linger_ms / 1000)
                await free.acquire()
                pieces = inbox.take(settings.batch_bytes)
                round_ = read_round(settings.name, pieces, inbox, self._now_ms(), self._switchboard.clock_s())
                n_frames = len(round_.frames)
                intake = self._heard(round_)
                if intake is None:
                    inbox.settled(round_.size)
                    free.release()
                    await asyncio.sleep(0)  # else a peer that sends without pause would never let the others in
                else:
                    deliveries.create_task(self._delivered(round_, intake, free), name="jt808 round")

    def _heard(self, round_: Round) -> Intake | None:
        """Settle every frame of a round; what there is to journal, or None."""
        switchboard, lines = self._switchboard, self._switchboard.lines
        switchboard.read_s = round_.now_s
        self._counts.received_bytes += round_.size
        if len(round_.frames):
            self._count(round_)
            noisy = count_junk(round_, lines)
            for number in sift(round_, lines).tolist():
                self._traffic.hear(round_, number)
            if len(noisy):
                self._reject_junk(round_, noisy.tolist())
            self._slow_down(round_)
        batch, spans = reports_of(round_, switchboard, self._feed)
        outcomes = round_.frames["outcome"][round_.taken]
        for outcome in np.unique(outcomes[outcomes != FrameOutcome.DECODED]).tolist():
            round_.outcomes[FrameOutcome(outcome).reason] += int(np.count_nonzero(outcomes == outcome))
        self._answer(round_, When.NOW)
        if round_.authenticated or round_.awaits(When.KEPT):
            self._keeping.when_kept(lambda: self._kept(round_))
        for connection, reason in round_.closing:
            # On a gateway one terminal that is refused does not take the others with it.
            if not switchboard.hears(connection):
                switchboard.close(connection, reason)
        for connection in round_.ended:
            if left := self._packets.leave(connection.line):
                self._counts.packet_sets["left"] += left
            switchboard.leave(connection)
        if not (len(batch) or round_.rejects or round_.records or round_.awaits(When.JOURNALLED)):
            return None
        self._counts.bad_frames.update(reject.reason for reject in round_.rejects)
        decoded = Decoded(batch, tuple(round_.rejects), outcomes=round_.outcomes, spans=spans)
        self._counts.intakes += 1
        return Intake(
            self._feed,
            [],
            lambda: self._answer(round_, When.JOURNALLED),
            decoded=decoded,
            n_frames=len(round_.frames),
            records=tuple(round_.records),
        )

    async def _delivered(self, round_: Round, intake: Intake, free: asyncio.Semaphore) -> None:
        try:
            await self._deliver(intake)
        except OperationError:
            # The journal tells what is wrong. Nothing of the round is answered, so its senders send it again.
            self._counts.unanswered += int(np.count_nonzero(round_.when == When.JOURNALLED))
            for packets, when in round_.whole:
                if when is When.JOURNALLED:
                    self._counts.unanswered += packets.total
                    self._packets.forget(packets.key)
        finally:
            self._switchboard.inbox.settled(round_.size)
            free.release()

    def _answer(self, round_: Round, when: When) -> None:
        """Everything that was waiting for this."""
        answer_round(self._switchboard, round_, when)
        for packets, due in round_.whole:
            if due is when:
                self._packets.safe(packets.key, packets.result)
                answer_packets(self._switchboard, packets, packets.result)

    def _kept(self, round_: Round) -> None:
        self._answer(round_, When.KEPT)
        for phone in round_.authenticated:
            self._on_authenticated(phone)

    def _count(self, round_: Round) -> None:
        ids, numbers = np.unique(round_.frames["msg_id"], return_counts=True)
        for msg_id, n in zip(ids.tolist(), numbers.tolist(), strict=True):
            self._counts.frames[KINDS.get(msg_id, OTHER)] += n

    def _reject_junk(self, round_: Round, noisy: list[int]) -> None:
        """Quarantine bad frames, of each connection no more than would end it; drop those that send nothing else."""
        switchboard, limit = self._switchboard, self._settings.junk_frames
        feed, frames = self._feed, round_.frames
        junk = frames["msg_id"] == -1
        # Lines may have been changed for frames that were looked at, never for junk.
        for line in noisy:
            numbers = np.flatnonzero(junk & (round_.lines == line))
            for number in numbers[:limit].tolist():
                outcome = FrameOutcome(int(frames["outcome"][number]))
                peer = round_.connection(number).peer
                at = int(frames["offset"][number])
                detail = f"from {peer}: {outcome.reason} in field {outcome.field} at byte {at}"
                data = round_.segment(number)[:MAX_SEGMENT]
                round_.rejects.append(BadBytes(feed.source, outcome.reason, round_.now_ms, data, detail))
                round_.outcomes[outcome.reason] += 1
            if len(numbers) > limit:
                round_.outcomes["junk"] += len(numbers) - limit
            if switchboard.lines.rows["junk"][line] >= limit:
                switchboard.drop(round_.connection(int(numbers[0])), "only_garbage")

    def _slow_down(self, round_: Round) -> None:
        """Count what each connection sent; one that sends faster than it may is left unread for a while."""
        lines = self._switchboard.lines
        owners = np.array([connection.line for connection in round_.connections], np.int64)
        distinct, place = np.unique(owners, return_inverse=True)
        n_frames = np.bincount(place[round_.piece_of], minlength=len(distinct))
        sizes = np.zeros(len(distinct), np.int64)
        np.add.at(sizes, place, round_.sizes)
        waits_s = lines.meter(distinct, n_frames, sizes, round_.now_s)
        if not waits_s.any():
            return
        loop = asyncio.get_running_loop()
        for line in np.flatnonzero(waits_s).tolist():
            connection = self._switchboard.connections[int(distinct[line])]
            connection.hold()
            self._counts.throttled += 1
            loop.call_later(float(waits_s[line]), connection.release)
