"""A registry as columns, for snapshots of a million vehicles: written once per registry, read without making an object
per vehicle. What is asked for is made when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import date
from itertools import pairwise
from types import UnionType
from typing import Final, TypeVar, get_args, get_type_hints

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass

K = TypeVar("K")
T = TypeVar("T")

AnyArray = NDArray[np.generic]

_NO_DATE: Final = 0
"""``date.toordinal`` begins at 1."""
_FIELDS: Final = tuple(field.name for field in fields(Vehicle))
_ENUMS: Final = {"plate_color": PlateColor, "vehicle_class": VehicleClass}


def _kinds() -> dict[str, type]:
    """Type of each field of a vehicle without its None."""
    found: dict[str, type] = {}
    for name, hint in get_type_hints(Vehicle).items():
        choices = [one for one in get_args(hint) if one is not type(None)] if isinstance(hint, UnionType) else [hint]
        if name in _FIELDS:
            found[name] = choices[0]
    return found


_KINDS: Final = _kinds()


def text_columns(texts: list[str] | tuple[str, ...]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Texts as the ends of each and all their UTF-8 bytes."""
    try:
        array = pa.array(texts, pa.large_string())
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8; it is kept as what it was all the same.
        pieces = [text.encode("utf-8", "surrogatepass") for text in texts]
        return np.cumsum([0, *map(len, pieces)], dtype=np.int64), np.frombuffer(b"".join(pieces), np.uint8)
    _, ends, data = array.buffers()
    found = np.zeros(1, np.int64) if ends is None else np.frombuffer(memoryview(ends), np.int64)[: len(texts) + 1]
    return found.copy(), np.zeros(0, np.uint8) if data is None else np.frombuffer(memoryview(data), np.uint8).copy()


def texts_of(ends: AnyArray, data: AnyArray) -> list[str]:
    """The texts of ``text_columns``."""
    places, raw = ends.astype(np.int64, copy=False), data.astype(np.uint8, copy=False)
    array = pa.LargeStringArray.from_buffers(len(places) - 1, pa.py_buffer(places.data), pa.py_buffer(raw.data))
    try:
        return list(map(str, array.to_pylist()))
    except UnicodeDecodeError:
        whole = raw.tobytes()
        return [whole[begin:end].decode("utf-8", "surrogatepass") for begin, end in pairwise(places.tolist())]


def columns_of(registry: Registry) -> dict[str, AnyArray]:
    """Arrays by name, ``registry.<field>`` and for texts ``registry.<field>.ends`` beside it."""
    if isinstance(registry, StoredRegistry):
        return dict(registry.columns)
    vehicles = registry.vehicles
    found: dict[str, AnyArray] = {"registry.change_days": np.array(registry.change_days(), np.int64)}
    for name in _FIELDS:
        values = [getattr(vehicle, name) for vehicle in vehicles]
        kind = _KINDS[name]
        key = f"registry.{name}"
        if kind is date:
            found[key] = np.array([_NO_DATE if value is None else value.toordinal() for value in values], np.int32)
        elif kind is float:
            found[key] = np.array([np.nan if value is None else value for value in values], np.float64)
        elif kind in (int, bool):
            found[key] = np.array(values, np.int64)
        else:
            found[f"{key}.ends"], found[key] = text_columns([str(value) for value in values])
    return found


class StoredRegistry(Registry):
    """A registry over columns. It answers as any other; only what is asked for becomes objects."""

    __slots__ = ("_cache", "_columns")

    def __init__(self, columns: Mapping[str, AnyArray], version: int) -> None:
        object.__setattr__(self, "_columns", dict(columns))
        object.__setattr__(self, "_cache", {})
        object.__setattr__(self, "version", version)

    @property
    def columns(self) -> Mapping[str, AnyArray]:
        """As ``columns_of`` made them."""
        return self._columns  # type: ignore[no-any-return,attr-defined]

    @property
    def vehicles(self) -> tuple[Vehicle, ...]:
        return _kept(self, "vehicles", self._all)

    def change_days(self) -> tuple[int, ...]:
        return tuple(self.columns["registry.change_days"].tolist())

    @property
    def _by_id(self) -> Mapping[str, list[Vehicle]]:  # type: ignore[override]
        return _kept(self, "by_id", lambda: _Index(self, self._texts("vehicle_id")))

    @property
    def _by_phone(self) -> Mapping[str, list[Vehicle]]:  # type: ignore[override]
        return _kept(self, "by_phone", lambda: _Index(self, self._texts("terminal_phone"), ""))

    @property
    def _by_plate(self) -> Mapping[tuple[str, str], list[Vehicle]]:  # type: ignore[override]
        def made() -> _Index[tuple[str, str]]:
            plates = self._texts("plate")
            keys = zip(self._texts("plate_color"), plates, strict=True)
            return _Index(self, [key if key[1] else ("", "") for key in keys], ("", ""))

        return _kept(self, "by_plate", made)

    def vehicle_at(self, number: int) -> Vehicle:
        """One row."""
        readers = _kept(self, "readers", self._made_readers)
        return Vehicle(*[read(number) for read in readers])  # type: ignore[arg-type]

    def _made_readers(self) -> list[Callable[[int], object]]:
        """How to read each field of a row, in the order of the fields."""
        return [_reader(name, self.columns) for name in _FIELDS]

    def __reduce__(self) -> tuple[object, ...]:
        return StoredRegistry, (self.columns, self.version)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Registry):
            return NotImplemented
        return self is other or (self.version == other.version and self.vehicles == other.vehicles)

    __hash__ = Registry.__hash__

    def _texts(self, name: str) -> list[str]:
        return texts_of(self.columns[f"registry.{name}.ends"], self.columns[f"registry.{name}"])

    def _all(self) -> tuple[Vehicle, ...]:
        lists: list[list[object]] = []
        for name in _FIELDS:
            key = f"registry.{name}"
            raw = self._texts(name) if f"{key}.ends" in self.columns else self.columns[key].tolist()
            lists.append([_value(name, one) for one in raw])
        return tuple(Vehicle(*row) for row in zip(*lists, strict=True))


def _kept(registry: StoredRegistry, name: str, make: Callable[[], T]) -> T:
    """What ``make`` gives, made once."""
    cache: dict[str, T] = registry._cache  # type: ignore[attr-defined]
    if name not in cache:
        cache[name] = make()
    return cache[name]


def _reader(name: str, columns: Mapping[str, AnyArray]) -> Callable[[int], object]:
    column = columns[f"registry.{name}"].data
    if f"registry.{name}.ends" not in columns:
        return lambda number: _value(name, column[number])
    ends = columns[f"registry.{name}.ends"].data

    def read(number: int) -> object:
        text = bytes(column[ends[number] : ends[number + 1]]).decode("utf-8", "surrogatepass")
        return _ENUMS[name](text) if name in _ENUMS else text

    return read


class _Index(Mapping[K, list[Vehicle]]):
    """Rows by a key, in order; the vehicles are made when a key is asked for."""

    def __init__(self, registry: StoredRegistry, keys: list[K], none: K | None = None) -> None:
        self._registry = registry
        self._rows: dict[K, int] = dict(zip(keys, range(len(keys)), strict=True))
        self._many: dict[K, list[int]] = {}
        if len(self._rows) != len(keys):
            self._rows = {}
            for row, key in enumerate(keys):
                first = self._rows.setdefault(key, row)
                if first != row:
                    self._many.setdefault(key, [first]).append(row)
        if none is not None:
            self._rows.pop(none, None)
            self._many.pop(none, None)

    def __getitem__(self, key: K) -> list[Vehicle]:
        rows = self._many.get(key) or [self._rows[key]]
        return [self._registry.vehicle_at(row) for row in rows]

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _value(name: str, raw: object) -> object:
    kind = _KINDS[name]
    if kind is date:
        return None if raw == _NO_DATE else date.fromordinal(int(raw))  # type: ignore[call-overload]
    if kind is float:
        return None if raw != raw else raw
    if kind is bool:
        return bool(raw)
    if name in _ENUMS:
        return _ENUMS[name](str(raw))
    return raw
