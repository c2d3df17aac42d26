"""Whether a lower platform may log in (0x1001), and the code that says why not (0x1002)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from monitor.codec.jt809.header import Version
from monitor.sources.jt809.settings import Jt809LinkSettings


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    ADDRESS = "address"
    ACCESS_CODE = "access_code"
    USER = "user"
    PASSWORD = "password"
    BUSY = "busy"
    VERSION = "version"  # laid out as the other edition has it
    MALFORMED = "malformed"


_CODES: Final = {
    Verdict.ACCEPTED: 0,
    Verdict.ADDRESS: 1,
    Verdict.ACCESS_CODE: 2,
    Verdict.USER: 3,
    Verdict.PASSWORD: 4,
    Verdict.BUSY: 5,
}
_OTHER: Final = {Version.V2011: 6, Version.V2019: 0xFF}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a log-in states. ``access_codes``: of the header and, in 2019, of the body."""

    access_codes: tuple[int, ...]
    user_id: int
    password: str


def result_code(verdict: Verdict, version: Version) -> int:
    """RESULT of 0x1002."""
    return _CODES.get(verdict, _OTHER[version])


def refused_because(result: int) -> str:
    """A word for RESULT of 0x1002, as a peer says it."""
    return next((verdict.value for verdict, code in _CODES.items() if code == result), f"other ({result})")


def judge(settings: Jt809LinkSettings, secret: str, stated: Credentials, address: str) -> Verdict:
    """Check in the order of the codes. The password is compared in constant time."""
    if not settings.allows(address):
        return Verdict.ADDRESS
    if any(code != settings.access_code for code in stated.access_codes):
        return Verdict.ACCESS_CODE
    if stated.user_id != settings.user_id:
        return Verdict.USER
    return Verdict.PASSWORD if not same_password(secret, stated.password) else Verdict.ACCEPTED


def same_password(secret: str, stated: str) -> bool:
    return hmac.compare_digest(secret.encode("utf-8"), stated.encode("utf-8", "surrogateescape"))


class Refusals:
    """Counts log-ins refused, by address and reason; says which are worth a log line: the first and then every
    hundredth. Bounded: of very many addresses the oldest are forgotten, and would be told of again."""

    _MOST: Final = 10_000

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}

    def count(self, address: str, reason: str) -> int:
        """How many there were of this kind now, or 0 if it need not be told."""
        times = self._seen.pop((address, reason), 0) + 1
        self._seen[address, reason] = times
        if len(self._seen) > self._MOST:
            del self._seen[next(iter(self._seen))]
        return times if times == 1 or times % 100 == 0 else 0
