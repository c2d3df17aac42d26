"""Has the server forgotten what we wrote? A key that changes with every write of ours answers it.

An emptied server has no such key, one that came back with an old copy has an old value, and one that was cut off in
the middle of a write has the value before or after it.
"""

from __future__ import annotations

import secrets


class Marker:
    """Of one life of this program: what another life wrote is never known."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(8)
        self._n = 0
        self._expected: set[bytes] = set()

    def next(self) -> str:
        """The value to write now; until it is known to be written, the one before may be found as well."""
        self._n += 1
        value = f"{self._run}:{self._n}"
        self._expected.add(value.encode())
        return value

    def written(self, value: str) -> None:
        """The server said so."""
        self._expected = {value.encode()}

    def knows(self, found: bytes | str | None) -> bool:
        """Whether what the server holds is what we wrote last."""
        return found in self._expected
