"""What is kept of messages until they are answered: bounded, the oldest go first."""

from __future__ import annotations

from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Remembered(Generic[_Key, _Value]):
    """A dictionary of at most ``most`` entries."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._entries: dict[_Key, _Value] = {}

    def keep(self, key: _Key, value: _Value) -> None:
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._most:
            del self._entries[next(iter(self._entries))]

    def get(self, key: _Key, default: _Value) -> _Value:
        return self._entries.get(key, default)
