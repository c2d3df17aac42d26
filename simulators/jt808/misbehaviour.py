"""What terminals do wrong, on purpose: by shares of a fleet or by a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from monitor.errors import ConfigError


class Misbehaviour(StrEnum):
    """One kind of trouble. What harms its own session stands in the second group."""

    GARBAGE = "garbage"  # random bytes between sound frames
    BAD_CHECK = "bad_check"  # a copy with a wrong check byte before a sound frame
    BYTE_BY_BYTE = "byte_by_byte"  # each byte a write of its own
    COALESCED = "coalesced"  # several frames in one write
    REPEATED_SERIAL = "repeated_serial"  # the same serial for different reports
    OVERSIZE = "oversize"  # a segment longer than any frame before a sound one
    MISSING_PACKET = "missing_packet"  # a packet of a sub-packaged batch is left out until it is asked for
    DUPLICATES = "duplicates"  # every report frame twice
    SLOW_READER = "slow_reader"  # reads answers only now and then

    HALF_OPEN = "half_open"  # goes silent without closing, comes back on another connection
    CUT_MID_FRAME = "cut_mid_frame"  # the connection breaks in the middle of a frame
    DEAD_ZONE = "dead_zone"  # the connection breaks, and it drives on without one for a while
    TWO_CONNECTIONS = "two_connections"  # opens a second connection and goes on there
    RECONNECT_STORM = "reconnect_storm"  # connects and breaks off again many times
    WRONG_CODE = "wrong_code"  # an authentication code that nobody gave
    FOREIGN_CODE = "foreign_code"  # the code of another terminal
    NO_AUTHENTICATION = "no_authentication"  # sends reports without authenticating
    GARBAGE_ONLY = "garbage_only"  # never sends a sound frame


SHUT_OUT = frozenset({Misbehaviour.WRONG_CODE, Misbehaviour.FOREIGN_CODE, Misbehaviour.GARBAGE_ONLY})
"""A terminal with one of these never gets a report through."""

NOTHING: frozenset[Misbehaviour] = frozenset()


@dataclass(frozen=True, slots=True)
class MisbehaviourProfile:
    """Who misbehaves how. ``shares`` are 0-1 of the fleet per kind, drawn one by one, so that kinds may meet in one
    terminal; ``scripted`` names terminals by their number and adds to what was drawn."""

    shares: Mapping[Misbehaviour, float] = field(default_factory=dict)
    scripted: Mapping[int, frozenset[Misbehaviour]] = field(default_factory=dict)

    def assigned(self, n: int, seed: int) -> tuple[frozenset[Misbehaviour], ...]:
        """The misbehaviours of each of ``n`` terminals."""
        out: list[set[Misbehaviour]] = [set(self.scripted.get(number, ())) for number in range(n)]
        for kind in Misbehaviour:  # in their own order, so that the order of the shares does not matter
            share = self.shares.get(kind, 0.0)
            if share > 0:
                rng = np.random.default_rng([seed, 8, list(Misbehaviour).index(kind)])
                for number in np.flatnonzero(rng.random(n) < share).tolist():
                    out[number].add(kind)
        return tuple(frozenset(kinds) for kinds in out)


def profile_of(text: str) -> MisbehaviourProfile:
    """``garbage=0.01,bad_check=0.02`` or ``all=0.01``; a kind alone means a tenth of the fleet. Raises ConfigError."""
    shares: dict[Misbehaviour, float] = {}
    problems: list[tuple[str, str]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.partition("=")
        try:
            share = float(number or 0.1)
        except ValueError:
            share = -1.0
        if not 0.0 <= share <= 1.0:
            problems.append((name, f"{number!r} is no share between 0 and 1"))
        elif name == "all":
            shares = {kind: shares.get(kind, share) for kind in Misbehaviour}
        elif name in list(Misbehaviour):
            shares[Misbehaviour(name)] = share
        else:
            problems.append((name, f"is none of all, {', '.join(Misbehaviour)}"))
    if problems:
        raise ConfigError(path="--misbehave", problems=tuple(problems))
    return MisbehaviourProfile(shares)
