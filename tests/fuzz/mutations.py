"""Damage done to inputs, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

_LONGEST = 4_096
_EDGES = (0x00, 0x01, 0x02, 0x7D, 0x7E, 0x7F, 0x80, 0xFF, 0x5A, 0x5B, 0x5D, 0x5E)
"""Bytes that mean something: limits of numbers, delimiters and escapes of both protocols."""

Mutation = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def mutations(corpus: Sequence[bytes], number: int, seed: int) -> Iterator[bytes]:
    """``number`` damaged inputs of a corpus."""
    chance = random.Random(seed)
    for _ in range(number):
        data = bytearray(chance.choice(corpus))
        for _ in range(chance.choice((1, 1, 2, 4))):
            chance.choice(_MUTATIONS)(chance, data, corpus)
        yield bytes(data[:_LONGEST])


def _place(chance: random.Random, data: bytearray) -> int:
    return chance.randrange(len(data) + 1)


def _flip(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.choice(_EDGES)


def _insert(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, data)
    data[at:at] = chance.randbytes(chance.randrange(1, 5))


def _remove(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, data)
    del data[at : at + chance.randrange(1, 9)]


def _cut(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[_place(chance, data) :]


def _repeat(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, data)
    piece = data[at : at + chance.randrange(1, 33)]
    data[at:at] = piece


def _splice(chance: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    other = chance.choice(corpus)
    data[_place(chance, data) :] = other[chance.randrange(len(other) + 1) :]


_MUTATIONS: tuple[Mutation, ...] = (_flip, _set, _insert, _remove, _cut, _repeat, _splice)
