"""The page of protocols names every message, and says of each what the codecs say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.codec.jt808 import FrameOutcome as Outcome808
from monitor.codec.jt808.messages import MESSAGES
from monitor.codec.jt809 import FrameOutcome as Outcome809
from monitor.codec.jt809.registry import KINDS
from monitor.sources.jt808.kinds import KINDS as COUNTED_KINDS
from tests.unit import protocol_document as document

_REFERENCE = Path(__file__).parents[3] / "shared" / "wire"
_ID = re.compile(r"0x([0-9A-F]{4})(?![0-9A-Fa-f])")
_NO_MESSAGES_OF_808 = {0x8000}
"""Four hex digits in the reference of 808 that are a number of another kind: an altitude's sign bit."""
_NO_MESSAGES_OF_809 = {0x1021}
"""The polynomial of the check sum."""
_PARAMETERS = 0x0100
"""Below it the reference of 808 names parameters too; the messages there are few, and in the codec."""


def _references(name: str) -> set[int]:
    path = _REFERENCE / name
    if not path.exists():
        pytest.skip("the wire references are not beside this repository")
    return {int(digits, 16) for digits in _ID.findall(path.read_text("utf-8"))}


def test_the_page_of_protocols_is_what_the_codecs_say() -> None:
    assert document.written() == document.DOCUMENT.read_text("utf-8"), "run python -m tests.unit.protocol_document"


def test_every_message_of_808_has_its_line() -> None:
    listed = [entry.msg_id for entry in document.JT808]
    assert sorted(listed) == sorted(MESSAGES)


def test_every_message_of_809_has_its_line() -> None:
    listed = [entry.kind for entry in document.JT809]
    assert sorted(listed) == sorted(document.kinds_by_name())


def test_what_the_codecs_take_apart_is_not_called_unsupported() -> None:
    assert [one for one in MESSAGES if any(entry.holds(one) for entry in document.UNSUPPORTED_808)] == []
    ids = {one for key in KINDS for one in key if one}
    assert [one for one in ids if any(entry.holds(one) for entry in document.UNSUPPORTED_809)] == []


def test_every_id_of_the_808_reference_is_named() -> None:
    ids = {one for one in _references("jt808.md") if one >= _PARAMETERS} - _NO_MESSAGES_OF_808 - set(MESSAGES)
    named = [one for one in ids if any(entry.holds(one) for entry in document.UNSUPPORTED_808)]
    assert [f"0x{one:04X}" for one in sorted(ids - set(named))] == []


def test_every_id_of_the_809_reference_is_named() -> None:
    known = {one for key in KINDS for one in key}
    spoken = {one for one in _references("jt809.md") if one >> 12 in (1, 9)} - _NO_MESSAGES_OF_809 - known
    named = [one for one in spoken if any(entry.holds(one) for entry in document.UNSUPPORTED_809)]
    assert [f"0x{one:04X}" for one in sorted(spoken - set(named))] == []


def test_metrics_have_a_word_for_every_message_that_terminals_send() -> None:
    assert [f"0x{one:04X}" for one in MESSAGES if one < 0x8000 and one not in COUNTED_KINDS] == []


def test_every_outcome_of_a_frame_is_named() -> None:
    text = document.DOCUMENT.read_text("utf-8")
    assert [one.reason for one in (*Outcome808, *Outcome809) if f"`{one.reason}`" not in text] == []
