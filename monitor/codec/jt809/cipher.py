"""Encryption of the body 数据加密: the standard's generator of pseudo-random bytes, XORed on. The same both ways.

M1, IA1 and IC1 are agreed per link and never sent; the start is ENCRYPT_KEY of the very frame. Two guards (reference
§3): a key of 0 counts as 1, and so does an M1 of 0. The arithmetic wraps at 32 bits. It hides little: obfuscation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.codec.jt808.bigendian import Bytes, byte_at
from monitor.model.compiled import compiled


@dataclass(frozen=True, slots=True)
class Cipher:
    """Parameters of one link; not shown in logs."""

    m1: int = field(repr=False)
    ia1: int = field(repr=False)
    ic1: int = field(repr=False)

    def apply(self, key: int, body: bytes) -> bytes:
        """Encrypt or decrypt."""
        state = key or 1
        modulus = self.m1 or 1
        out = bytearray(body)
        for at in range(len(out)):
            state = (self.ia1 * (state % modulus) + self.ic1) & 0xFFFF_FFFF
            out[at] ^= (state >> 20) & 0xFF
        return bytes(out)


@compiled
def decipher(target: Bytes, at: int, end: int, key: int, m1: int, ia1: int, ic1: int) -> None:
    """Encrypt or decrypt ``target[at:end]`` where it stands."""
    state = key if key else 1
    modulus = m1 if m1 else 1
    while at < end:
        # Of a product that wraps at 64 bits the lower 32 are still right.
        state = (ia1 * (state % modulus) + ic1) & 0xFFFF_FFFF
        target[at] = byte_at(target, at) ^ ((state >> 20) & 0xFF)
        at += 1
