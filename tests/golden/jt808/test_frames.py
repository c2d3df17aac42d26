"""Captured frames decode to what they always did."""

from __future__ import annotations

import pytest

from tests.golden.jt808.frames import GoldenFrame, decoded_now, read_frames
from tests.unit.codec.oracle import assert_same_as_plain


@pytest.mark.parametrize("frame", read_frames(), ids=lambda frame: frame.shows)
def test_a_golden_frame_decodes_as_before(frame: GoldenFrame) -> None:
    assert decoded_now(frame) == frame.decoded
    assert_same_as_plain(bytes.fromhex(frame.hex))
