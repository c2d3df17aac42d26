"""The published test vectors of JT/T 808, read from beside the checkout; their README explains the fields."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from monitor.codec.jt808.framing import escape

VECTORS = Path(__file__).parents[3].parent / "shared" / "wire" / "vectors"


class ComputedLocation(msgspec.Struct, rename={"speed": "speed_raw_0.1kmh"}):
    """A position by the keeper of the vectors; ``items`` as ``id:value`` in hex."""

    alarm: str
    status: str
    lat_raw: int
    lon_raw: int
    altitude: int
    speed: int
    direction: int
    time_bcd: str
    items: list[str]


class Computed(msgspec.Struct):
    """``computed`` of a 0x0704."""

    count: int
    type: int
    items_found: int
    items: list[ComputedLocation]


class FrameVector(msgspec.Struct):
    """One frame."""

    source: str
    hex: str
    note: object
    expected: dict[str, object]
    origin: str | None = None
    wire_form: str = ""
    role: str = ""
    quarantine: str = ""
    nonstandard: object = None
    expected_scope: str = ""
    msg_id: str = ""
    phone: str = ""
    serial: int = -1
    version_bit: bool | None = None
    checksum_ok: bool | None = None
    encrypt_bits: int = 0
    pkg_total: int = 1
    pkg_index: int = 1
    computed: object = None

    @property
    def wire(self) -> bytes:
        """The frame as it travels."""
        frame = bytes.fromhex(self.hex)
        # A few are marked as escaped and were logged after un-escaping all the same: they hold 7D A0 or 7D 8B.
        if self.wire_form.startswith("ALREADY") or re.search(rb"\x7d[^\x01\x02]", frame[1:-1]):
            return b"\x7e" + escape(frame[1:-1]) + b"\x7e"
        return frame

    @property
    def from_device(self) -> bool:
        """Whether the source says that a device sent it."""
        return (self.origin or "").startswith("device")

    @property
    def locations(self) -> list[ComputedLocation]:
        """``computed`` of a 0x0200 or 0x0704."""
        if self.computed is None:
            return []
        if self.msg_id == "0x0704":
            return msgspec.convert(self.computed, Computed).items
        return [msgspec.convert(self.computed, ComputedLocation)]


class BodyVector(msgspec.Struct):
    """One body without framing; ``msg`` is the name of the source's test class."""

    source: str
    msg: str
    hex: str
    note: str
    expected: dict[str, object]

    @property
    def msg_id(self) -> int | None:
        """The message of the body; None where the bytes are no body of a message."""
        found = re.fullmatch(r"JT808_0x([0-9A-F]{4})", self.msg)
        return int(found.group(1), 16) if found else None


class EscapeVector(msgspec.Struct):
    """A line of ``crypto_and_escape``."""

    kind: str
    plain: str = ""
    wire: str = ""


def _lines(name: str) -> list[bytes]:
    path = VECTORS / name
    if not path.exists():
        pytest.skip("the published test vectors are not beside this checkout")
    return path.read_bytes().splitlines()


def frame_vectors() -> list[FrameVector]:
    """All frames."""
    return [msgspec.json.decode(line, type=FrameVector) for line in _lines("jt808_frames.jsonl")]


def body_vectors() -> list[BodyVector]:
    """All bodies."""
    return [msgspec.json.decode(line, type=BodyVector) for line in _lines("jt808_bodies.jsonl")]


def escape_vectors() -> list[EscapeVector]:
    """Escape pairs of 808."""
    every = [msgspec.json.decode(line, type=EscapeVector) for line in _lines("crypto_and_escape.jsonl")]
    return [vector for vector in every if vector.kind == "escape808"]
