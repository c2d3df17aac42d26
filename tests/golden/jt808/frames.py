"""Golden frames: captured bytes and what they decode to, one JSON object per line.

    python -m tests.golden.jt808.frames     rewrites the answers after a change that is meant

Frames are quoted from public test suites named in ``source``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import msgspec

from monitor.codec.jt808.described import describe

PATH = Path(__file__).with_name("frames.jsonl")


@dataclass(frozen=True, slots=True)
class GoldenFrame:
    """A frame in hex, where it is from, what it shows, and its decoded form."""

    shows: str
    source: str
    hex: str
    decoded: list[object]


def read_frames() -> list[GoldenFrame]:
    """All golden frames."""
    lines = PATH.read_text(encoding="utf-8").splitlines()
    return [GoldenFrame(**json.loads(line)) for line in lines]


def decoded_now(frame: GoldenFrame) -> list[object]:
    """What the frame decodes to with the present code."""
    return [msgspec.to_builtins(decoded) for decoded in describe(bytes.fromhex(frame.hex))]


def rewrite() -> None:
    """Write the present answers."""
    lines = [
        json.dumps(
            {"shows": frame.shows, "source": frame.source, "hex": frame.hex, "decoded": decoded_now(frame)},
            ensure_ascii=False,
        )
        for frame in read_frames()
    ]
    PATH.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    rewrite()
