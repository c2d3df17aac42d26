"""Vehicles of a stream by the 22 bytes of their wrapper: plate and colour as three words, told apart by an open hash.

A plate ends at its first NUL; what some senders leave behind it is no part of it. The same vehicle may come in several
spellings (with a dash, in lower case): ``keys_of`` folds them.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808.bigendian import Bytes, byte_at
from monitor.codec.jt809.reader import text_of
from monitor.model.compiled import compiled, inlined
from monitor.model.plate import color_of_code, folded_plate
from monitor.model.report import plate_key

Integers = NDArray[np.int64]

# Cells of the table's own state.
N_PLATES, MASK, LAST, UNORDERED = 0, 1, 2, 3
STATE_SIZE = 4

_PREFIXES = tuple(plate_key(color_of_code(code).value, "") for code in range(256))
_UNUSUAL = re.compile("[^0-9A-Z\u4e00-\u9fff\n]")
"""What ``folded_plate`` might change, or what is no character."""
_BROKEN = "\ufffd"


@inlined
def _slot_of(first: int, second: int, third: int, mask: int) -> int:
    mixed = (first & 0xFFFF_FFFF) * 0x2C1B_3C6D + ((first >> 32) & 0xFFFF_FFFF) * 0x297A_2D39
    mixed ^= (second & 0xFFFF_FFFF) * 0x1B87_3593 + (third & 0xFFFF_FFFF) * 0x0CC9_E2D5
    mixed ^= ((second >> 32) & 0xFFFF_FFFF) * 0x165B_667B + ((third >> 32) & 0xFFFF_FFFF) * 0x27D4_EB2F
    return (mixed ^ (mixed >> 29)) & mask


@compiled
def make_room(more: int, table: NDArray[np.int32], plates: Integers, state: Integers) -> None:
    """Widen the part of ``table`` in use until ``more`` plates leave half of its slots free, and enter all anew."""
    mask = int(state[1])
    while 2 * (int(state[0]) + more) > mask + 1 and mask + 1 < len(table):
        mask = 2 * mask + 1
    if mask == state[1]:
        return
    state[1] = mask
    for slot in range(mask + 1):
        table[slot] = -1
    for key in range(int(state[0])):
        slot = _slot_of(int(plates[key, 0]), int(plates[key, 1]), int(plates[key, 2]), mask)
        while table[slot] >= 0:
            slot = (slot + 1) & mask
        table[slot] = key


@inlined
def key_of_plate(source: Bytes, at: int, table: NDArray[np.int32], plates: Integers, state: Integers) -> int:
    """Index of the plate at ``at`` and the colour behind it, in order of first sight."""
    first = 0
    second = 0
    third = 0
    size = 0
    while size < 21:
        byte = byte_at(source, at + size)
        if byte == 0:
            break
        if size < 7:
            first = (first << 8) | byte
        elif size < 14:
            second = (second << 8) | byte
        else:
            third = (third << 8) | byte
        size += 1
    # Seven bytes per word leave room for the colour and the size without a sign bit.
    color = byte_at(source, at + 21)
    first |= (color & 15) << 56
    second |= (color >> 4) << 56
    third |= size << 56
    key = int(state[2])
    if key >= 0 and plates[key, 0] == first and plates[key, 1] == second and plates[key, 2] == third:
        return key
    mask = int(state[1])
    slot = _slot_of(first, second, third, mask)
    while True:
        key = int(table[slot])
        if key < 0:
            key = int(state[0])
            table[slot] = key
            plates[key, 0] = first
            plates[key, 1] = second
            plates[key, 2] = third
            state[0] = key + 1
            break
        if plates[key, 0] == first and plates[key, 1] == second and plates[key, 2] == third:
            break
        slot = (slot + 1) & mask
    state[2] = key
    return key


@compiled
def write_plates(plates: Integers, letters: Bytes) -> int:
    """A line per plate with its bytes; bytes written. ``letters`` holds 22 per plate."""
    to = 0
    for row in range(len(plates)):
        size = int(plates[row, 2]) >> 56
        for place in range(size):
            word = int(plates[row, place // 7])
            # The last word that the plate reaches is filled only as far as it goes.
            filled = min(size - place // 7 * 7, 7)
            letters[to] = (word >> (8 * (filled - 1 - place % 7))) & 0xFF
            to += 1
        letters[to] = 10
        to += 1
    return to


def keys_of(plates: Integers) -> tuple[tuple[str, ...], NDArray[np.int32] | None]:
    """``plate_key`` of every plate without doubles, and which of them each plate is; None if there are no doubles.

    All plates are decoded as one text: a call per plate costs several times the frame.
    """
    letters = np.empty(len(plates) * 22, np.uint8)
    size = write_plates(plates, letters)
    text = letters[:size].tobytes().decode("gb18030", "replace")
    if _UNUSUAL.search(text):
        text = folded_plate(text) if _BROKEN not in text else ""
    lines = text.split("\n")
    colors = ((plates[:, 0] >> 56) | (plates[:, 1] >> 56) << 4).tolist()
    if len(lines) == len(plates) + 1:
        keys = [_PREFIXES[color] + line for color, line in zip(colors, lines, strict=False)]
    else:
        # A newline, or bytes that are no text, in a plate: one by one.
        keys = [_key(raw, color) for raw, color in zip(_raw_plates(plates), colors, strict=True)]
    order = dict.fromkeys(keys)
    if len(order) == len(keys):
        return tuple(keys), None
    place = {key: at for at, key in enumerate(order)}
    return tuple(order), np.array([place[key] for key in keys], np.int32)


def _raw_plates(plates: Integers) -> list[bytes]:
    raw: list[bytes] = []
    for row in plates:
        letters = np.empty(22, np.uint8)
        raw.append(letters[: write_plates(row.reshape(1, 3), letters) - 1].tobytes())
    return raw


def _key(raw: bytes, color: int) -> str:
    """``plate_key`` of a VEHICLE_NO and VEHICLE_COLOR."""
    return _PREFIXES[color] + folded_plate(text_of(raw))
