"""Replies encoded many at a time equal those encoded one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.codec.jt808 import FRAME, Version, encode_frames
from monitor.codec.jt808.messages.general_reply import PlatformReply
from monitor.codec.jt808.replies import encode_replies

_WORD = st.integers(0, 0xFFFF)
_ASKED = st.tuples(
    st.binary(min_size=10, max_size=10), st.booleans(), _WORD, _WORD, st.integers(0, 4), st.integers(0, 2)
)


@settings(max_examples=60, deadline=None)
@given(asked=st.lists(_ASKED, max_size=12), firsts=st.tuples(_WORD, _WORD, _WORD))
def test_a_reply_has_the_form_of_what_it_answers(
    asked: list[tuple[bytes, bool, int, int, int, int]], firsts: tuple[int, int, int]
) -> None:
    frames = np.zeros(len(asked), FRAME)
    for number, (field, newer, msg_id, serial, _, _) in enumerate(asked):
        frames[number]["phone"] = list(field if newer else bytes(4) + field[4:])
        frames[number]["version_bit"] = newer
        frames[number]["msg_id"] = msg_id
        frames[number]["serial"] = serial
    results = np.array([item[4] for item in asked], np.int64)
    lines = np.array([item[5] for item in asked], np.int64)
    serials = np.array(firsts, np.int64)
    encoded, starts = encode_replies(frames, results, lines, serials)

    counters = list(firsts)
    expected = []
    for field, newer, msg_id, serial, result, line in asked:
        reply = PlatformReply(reply_serial=serial, reply_id=msg_id, result=result)
        version = Version.V2019 if newer else Version.V2013
        phone = (field if newer else field[4:]).hex()
        expected.append(encode_frames(reply, phone=phone, version=version, serial=counters[line])[0])
        counters[line] = (counters[line] + 1) & 0xFFFF
    assert [encoded[begin:end] for begin, end in pairwise(starts)] == expected
    assert starts[-1] == len(encoded)
    assert serials.tolist() == counters


def test_frames_of_another_form_are_refused() -> None:
    nought = np.zeros(1, np.int64)
    with pytest.raises(TypeError, match="FRAME"):
        encode_replies(np.zeros(1, [("phone", np.uint8)]), nought, nought, nought)
