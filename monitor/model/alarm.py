"""The alarm record: what a person handles, and what other programs read.

Field names, order and words are a promise to other programs; ``docs/interface.md`` documents them.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum

from monitor.model.beijing import iso
from monitor.model.waybill import Load

NAMESPACE = uuid.UUID("6d0b9a6e-6f5b-5a53-9f1c-2b6a1f0e8d11")
"""UUIDv5 namespace of alarm ids; changing it would rename every alarm ever raised."""


class Subject(StrEnum):
    VEHICLE = "vehicle"
    DRIVER = "driver"
    ENTERPRISE = "enterprise"
    PLATFORM = "platform"


class Grade(IntEnum):
    """提示 < 一般 < 较重 < 严重."""

    NOTICE = 0
    GENERAL = 1
    MAJOR = 2
    SERIOUS = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class Certainty(IntEnum):
    CERTAIN = 0
    SUSPECTED = 1

    @property
    def word(self) -> str:
        return self.name.lower()


class AlarmState(StrEnum):
    """State of the condition; what people do with the alarm is a separate record."""

    ACTIVE = "active"
    CLEARED = "cleared"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"


class EndReason(IntEnum):
    """Why an episode ended; ``NONE`` while it lasts."""

    NONE = 0
    CONDITION_OVER = 1
    DATA_ENDED = 2
    CONTACT_RETURNED = 3
    WINDOW_OVER = 4
    VEHICLE_RETIRED = 5

    @property
    def word(self) -> str:
        return self.name.lower()


class LimitSource(IntEnum):
    """Which limit was the lowest; ``NONE`` for rules that have none."""

    NONE = 0
    SECTION = 1
    FENCE = 2
    CLASS_CAP = 3
    ENTERPRISE = 4
    VEHICLE = 5
    PERMIT = 6

    @property
    def word(self) -> str:
        return self.name.lower()


def alarm_id(subject: Subject, key: str, rule: str, kind: str, onset_ms: int) -> str:
    """UUIDv5 over subject, its key, rule, kind and the onset as first published."""
    return str(uuid.uuid5(NAMESPACE, "\x1f".join((subject.value, key, rule, kind, str(onset_ms)))))


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as it stands. Times are epoch ms; ``peak``, ``mean``, ``limit`` are in the rule's own unit."""

    alarm_id: str
    subject: Subject
    rule: str
    kind: str  # "" for rules without kinds
    grade: Grade
    certainty: Certainty
    state: AlarmState
    vehicle_id: str
    plate: str
    vehicle_class: str
    enterprise_id: str
    driver_id: str
    onset_ms: int
    end_ms: int | None = None
    peak: float | None = None
    mean: float | None = None
    limit: float | None = None
    limit_source: LimitSource = LimitSource.NONE
    suspected_serious: bool = False
    night_only: bool = False
    distance_m: float | None = None
    n_reports: int = 0
    start_lon: float | None = None
    start_lat: float | None = None
    end_lon: float | None = None
    end_lat: float | None = None
    start_place: str = ""
    end_place: str = ""
    end_reason: EndReason = EndReason.NONE
    late: bool = False
    provisional: bool = False
    inhibited_by: str = ""
    cargo: str = ""  # hazmat: by the electronic waybill, as known when the alarm was raised
    load: Load = Load.UNKNOWN
    platform: str = ""  # of a platform's alarm, by its name in reports

    def record(self) -> dict[str, str | float | int | bool | None]:
        """The record other programs read: ISO times at +08:00, words for enumerations, empty text as null."""
        return {
            "alarm_id": self.alarm_id,
            "subject": self.subject.value,
            "rule": self.rule,
            "kind": self.kind or None,
            "grade": self.grade.word,
            "certainty": self.certainty.word,
            "state": self.state.value,
            "vehicle_id": self.vehicle_id or None,
            "plate": self.plate or None,
            "vehicle_class": self.vehicle_class or None,
            "enterprise_id": self.enterprise_id or None,
            "driver_id": self.driver_id or None,
            "onset": iso(self.onset_ms),
            "end": None if self.end_ms is None else iso(self.end_ms),
            "duration_s": None if self.end_ms is None else (self.end_ms - self.onset_ms) / 1000,
            "peak": self.peak,
            "mean": self.mean,
            "limit": self.limit,
            "limit_source": self.limit_source.word if self.limit_source else None,
            "suspected_serious": self.suspected_serious,
            "night_only": self.night_only,
            "distance_m": self.distance_m,
            "n_reports": self.n_reports,
            "start_lon": self.start_lon,
            "start_lat": self.start_lat,
            "end_lon": self.end_lon,
            "end_lat": self.end_lat,
            "start_place": self.start_place or None,
            "end_place": self.end_place or None,
            "end_reason": self.end_reason.word if self.end_reason else None,
            "late": self.late,
            "provisional": self.provisional,
            "inhibited_by": self.inhibited_by or None,
            "cargo": self.cargo or None,
            "load": self.load.value or None,
            "platform": self.platform or None,
        }


ALARM_COLUMNS: tuple[str, ...] = (
    "alarm_id",
    "subject",
    "rule",
    "kind",
    "grade",
    "certainty",
    "state",
    "vehicle_id",
    "plate",
    "vehicle_class",
    "enterprise_id",
    "driver_id",
    "onset",
    "end",
    "duration_s",
    "peak",
    "mean",
    "limit",
    "limit_source",
    "suspected_serious",
    "night_only",
    "distance_m",
    "n_reports",
    "start_lon",
    "start_lat",
    "end_lon",
    "end_lat",
    "start_place",
    "end_place",
    "end_reason",
    "late",
    "provisional",
    "inhibited_by",
    "cargo",
    "load",
    "platform",
)

ALARM_FIELDS: tuple[str, ...] = tuple(field.name for field in fields(Alarm))


class Transition(StrEnum):
    """What happened to an alarm; the label of ``vdm_alarms_total`` and the word in its log."""

    RAISED = "raised"
    UPDATED = "updated"
    CLEARED = "cleared"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"  # into another alarm, which ``inhibited_by`` names
    CONFIRMED = "confirmed"  # at settlement: it stands as it was
    REVISED = "revised"  # at settlement: it stands, with other figures


class Correction(StrEnum):
    """Why settlement changed an alarm; ``reason`` in its log and in the push."""

    CONFIRMED = "confirmed"  # nothing but that it is no longer provisional
    OTHER_FIGURES = "other_figures"  # late or sorted data give other times or figures
    NOT_OVER = "not_over"  # it lasts on, or lasted longer
    REVIVED = "revived"  # withdrawn or merged before, and found again
    NOT_FOUND = "not_found"  # the settled data do not show it
    PART_OF_ANOTHER = "part_of_another"  # one and the same with the alarm that ``inhibited_by`` names
    MISSED_LIVE = "missed_live"  # only the settled data show it
    SPLIT_OFF = "split_off"  # a later part of what was one alarm
    REBUILT = "rebuilt"  # the live state was put right from the settled one


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """One step in an alarm's life: the record after it, numbered from 1 within the alarm."""

    alarm: Alarm
    transition: Transition
    sequence: int
    at_ms: int  # engine clock when it was found
    reason: str = ""  # of a correction: ``Correction``, and what it rests on


@dataclass(frozen=True, slots=True)
class PreWarning:
    """A push of its own before a driving limit is passed (F5); never an alarm record."""

    warning_id: str
    rule: str
    kind: str
    vehicle_id: str
    plate: str
    vehicle_class: str
    enterprise_id: str
    driver_id: str
    at_ms: int
    value: float
    limit: float
    remaining_s: float

    def record(self) -> dict[str, str | float | None]:
        return {
            "warning_id": self.warning_id,
            "rule": self.rule,
            "kind": self.kind or None,
            "vehicle_id": self.vehicle_id,
            "plate": self.plate or None,
            "vehicle_class": self.vehicle_class or None,
            "enterprise_id": self.enterprise_id or None,
            "driver_id": self.driver_id or None,
            "at": iso(self.at_ms),
            "value": self.value,
            "limit": self.limit,
            "remaining_s": self.remaining_s,
        }
