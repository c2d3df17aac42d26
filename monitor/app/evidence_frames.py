"""The bytes that the reports around an alarm came in, out of what was kept of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import msgspec
import numpy as np

from monitor.app.evidence_settings import EvidenceSettings
from monitor.codec.json_report import decode_json_many
from monitor.engine.fleet_state import FleetState
from monitor.model.beijing import day_of, iso
from monitor.model.evidence import FrameForm, RawFrame
from monitor.model.fleet import PlateColor
from monitor.model.report import PLATE_PREFIX, TERMINAL_PREFIX, plate_key, terminal_key
from monitor.store.frame_block import KeptFrame

_WHOLE_SECONDS_MS = 2**31 - 1
"""With a clock further off than this a trail knows the receipt to the second only."""
_Place = tuple[int, int, int]
"""Fleet row, fix time, receive time."""
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Asked:
    """The reports of a vehicle around a moment: fix time, receive time and the fix time to show, most wanted first."""

    row: int
    reports: Sequence[tuple[int, int, str]]


class KeptFrames(Protocol):
    """Where frames are looked up."""

    def find(self, keys: frozenset[str], fix_ms: int, from_ms: int, to_ms: int, /) -> tuple[KeptFrame, ...]:
        """Distinct frames of reports under one of the keys with this fix time, received between two moments."""


class FrameFinder:
    """Frames for the reports of a vehicle of the fleet."""

    def __init__(self, kept: KeptFrames, fleet: FleetState, settings: EvidenceSettings) -> None:
        self._kept = kept
        self._fleet = fleet
        self._settings = settings

    def of(self, asked: Sequence[Asked]) -> list[tuple[tuple[RawFrame, ...], int]]:
        """Frames for each that asks, within the limits and by receipt; how many of its reports have none any more.

        Where two frames state the same moment both are there; a frame with several of the reports is there once.
        """
        known = self._looked_up(asked) if len(asked) > 1 else {}
        return [self._of(one, known) for one in asked]

    def _looked_up(self, asked: Sequence[Asked]) -> dict[_Place, tuple[KeptFrame, ...]]:
        """What most will want, in the order received: of thousands of alarms at once the same bytes are read once."""
        most = self._settings.raw_frames
        places = {(one.row, fix_ms, recv_ms) for one in asked for fix_ms, recv_ms, _ in one.reports[:most]}
        return {place: self._find(place) for place in sorted(places, key=lambda place: place[2])}

    def _find(self, place: _Place) -> tuple[KeptFrame, ...]:
        row, fix_ms, recv_ms = place
        to_ms = recv_ms + (999 if abs(recv_ms - fix_ms) > _WHOLE_SECONDS_MS else 0)
        return self._kept.find(self._keys(row, recv_ms), fix_ms, recv_ms, to_ms)

    def _of(self, asked: Asked, known: Mapping[_Place, tuple[KeptFrame, ...]]) -> tuple[tuple[RawFrame, ...], int]:
        left = self._settings.raw_bytes
        found: dict[bytes, tuple[int, RawFrame]] = {}
        gone = 0
        for fix_ms, recv_ms, fix in asked.reports:
            if len(found) >= self._settings.raw_frames:
                break
            place = (asked.row, fix_ms, recv_ms)
            frames = known[place] if place in known else self._find(place)
            gone += not frames
            for frame in frames:
                data = self._of_report(frame, asked.row, fix_ms)
                if data in found or len(found) >= self._settings.raw_frames or (len(data) > left and found):
                    continue
                found[data] = (frame.recv_ms, _shown(frame, data, left, fix))
                left -= min(len(data), left)
        return tuple(frame for _, frame in sorted(found.values(), key=lambda one: (one[0], one[1].fix))), gone

    def _keys(self, row: int, recv_ms: int) -> frozenset[str]:
        """Under which keys a vehicle reports: its own, and those of its terminal and its plate."""
        own = self._fleet.keys[row]
        registry = self._fleet.registry
        if registry is None or own.startswith((TERMINAL_PREFIX, PLATE_PREFIX)):
            return frozenset((own,))
        day = int(day_of(recv_ms))
        vehicle = registry.vehicle(own, day)
        keys = {own}
        if vehicle is not None and vehicle.terminal_phone:
            keys.add(terminal_key(vehicle.terminal_phone))
        if vehicle is not None and vehicle.plate:
            for color in PlateColor:
                meant = registry.by_plate(color.value, vehicle.plate, day)
                if meant is not None and meant.vehicle_id == own:
                    keys.add(plate_key(color.value, vehicle.plate))
        return frozenset(keys)

    def _of_report(self, frame: KeptFrame, row: int, fix_ms: int) -> bytes:
        """The frame; of an array of JSON reports the one that is meant."""
        if frame.form is not FrameForm.JSON or frame.data.lstrip()[:1] != b"[":
            return frame.data
        keys = self._keys(row, frame.recv_ms)
        for data, key, at_ms in _elements(frame.data):
            if at_ms == fix_ms and key in keys:
                return data
        return frame.data


def _shown(frame: KeptFrame, data: bytes, most: int, fix: str) -> RawFrame:
    cut = data[:most]
    text = cut.decode("utf-8", "ignore") if frame.form is FrameForm.JSON else ""
    return RawFrame(
        fix=fix,
        received=iso(frame.recv_ms),
        source=frame.source,
        form=frame.form,
        size=len(data),
        hex="" if text else cut.hex().upper(),
        text=text,
        truncated=len(cut) < len(data),
    )


@lru_cache(maxsize=4)
def _elements(payload: bytes) -> tuple[tuple[bytes, str, int], ...]:
    """Each report of an array with its vehicle key and fix time."""
    try:
        parts = [bytes(part) for part in _ELEMENTS.decode(payload)]
    except msgspec.MsgspecError:
        return ()
    many = decode_json_many(parts)
    rows = many.batch.rows
    columns = zip(many.payload_of.tolist(), rows["key"].tolist(), np.asarray(rows["fix_ms"]).tolist(), strict=True)
    return tuple((parts[part], many.batch.keys[key], fix_ms) for part, key, fix_ms in columns)
