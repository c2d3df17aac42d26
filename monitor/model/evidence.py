"""Evidence of an alarm: what it was found in, by which limit and settings, and how sure its times are.

One piece per change of the alarm. Raised and cleared pieces carry the reports around the begin or the end; the others
only clocks, grade and certainty. Field names are read by other programs; ``docs/evidence.md`` documents them. What is
unknown or empty is left out of the JSON.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from monitor.model.alarm import Transition

EVIDENCE_BYTES = 8 * 1024
"""One piece as JSON is shorter than this, but for its frames, which have bounds of their own."""


ACCEPTED = "accepted"
"""The outcome that is left out."""


class Around(StrEnum):
    """Which moment of the alarm the reports of a piece lie around."""

    NONE = ""
    BEGIN = "begin"
    END = "end"


class SeenReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """One report as the rules saw it, with what became of it. Times ISO 8601 at +08:00."""

    fix: str
    lon: float | None = None  # WGS-84
    lat: float | None = None
    speed_kmh: float | None = None  # as stated
    recorder_kmh: float | None = None
    heading_deg: int | None = None
    mileage_km: float | None = None  # odometer
    acc: bool | None = None
    delay_s: float | None = None  # received so long after the fix; left out where it was received with the fix
    outcome: str = ACCEPTED
    backfill: bool = False
    flaws: tuple[str, ...] = ()


class FrameForm(StrEnum):
    """What the bytes of a report are."""

    JT808 = "jt808"
    JT809 = "jt809"
    JSON = "json"


class RawFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """The bytes a report came in: a frame with its delimiters, escaped and enciphered as sent, or its JSON.

    ``hex`` upper case; JSON is ``text`` and not ``hex``. ``size`` is that of all of it, cut off or not.
    """

    fix: str  # of the report shown; a frame may hold others too
    received: str
    source: str
    form: FrameForm
    size: int
    hex: str = ""
    text: str = ""
    truncated: bool = False


class RuleInForce(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rule that found it: ``version`` is a hash of its source and settings, ``changed`` what differs from default.

    ``settings`` are those of the vehicle, resolved through all layers.
    """

    name: str
    version: str
    program: str
    settings: dict[str, object]
    changed: tuple[str, ...] = ()


class LimitFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """The limit and where it comes from. ``value`` is in the rule's unit."""

    value: float | None = None
    unit: str = ""
    source: str = ""  # word of LimitSource
    section_id: str = ""
    section_name: str = ""
    road_class: str = ""
    posted_kmh: float | None = None  # on the section
    surveyed_by: str = ""
    surveyed_on: str = ""
    fence_id: str = ""
    fence_name: str = ""
    permit_id: str = ""


class RunStretch(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of the run: ``drive``, ``stop`` or ``unknown``. Short stops may be part of a drive."""

    kind: str
    begin: str
    end: str
    minutes: float
    distance_km: float
    driver: str = ""
    short_stops: int = 0
    short_stop_minutes: float | None = None
    open: bool = False  # it lasted when the evidence was taken


class Clocks(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which clock said what: the terminal's for begin and end, ours for receipt, the engine's for the finding."""

    found: str  # engine clock
    onset: str
    onset_received: str = ""  # when the report of the begin came, where the begin is a report
    end: str = ""
    end_received: str = ""


class Uncertainty(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the times may be off, in seconds: nobody saw what happened between two reports.

    A begin or end without a number is no report but a moment of the clock: midnight, a limit passed, a deadline.
    """

    interval_s: float | None = None  # the vehicle's own: median step of at most 180 s between the reports shown
    begin_s: float | None = None  # from the report before to the one of the begin
    end_s: float | None = None  # from the report of the end to the one after; not where a report itself is the end


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """One piece of evidence."""

    alarm_id: str
    sequence: int
    transition: Transition
    clocks: Clocks
    grade: str
    certainty: str
    suspected_serious: bool = False
    late: bool = False
    rule: RuleInForce | None = None
    limit: LimitFacts | None = None
    around: Around = Around.NONE
    reports: tuple[SeenReport, ...] = ()
    quality: dict[str, int] = {}  # of the reports: how many have what flaw, came late, were held back
    uncertainty: Uncertainty | None = None
    run: tuple[RunStretch, ...] = ()
    run_cut: bool = False  # there were earlier stretches, for which there was no room
    frames: tuple[RawFrame, ...] = ()
    frames_gone: int = 0  # reports whose bytes were looked for and are not kept any more


Value = str | int | float | bool | None


class AlarmEvidence(msgspec.Struct, frozen=True):
    """An alarm's record as it stands and its evidence, as files and the API have it."""

    alarm: dict[str, Value]
    evidence: tuple[Evidence, ...]


def bounded(evidence: Evidence) -> Evidence:
    """The evidence within ``EVIDENCE_BYTES``: the oldest of the run, then outer reports are let go."""
    while len(encoded(evidence)) >= EVIDENCE_BYTES:
        evidence = _shorter(evidence)
    return evidence


def encoded(evidence: Evidence) -> bytes:
    """As JSON."""
    return msgspec.json.encode(evidence)


def decoded(data: bytes | str) -> Evidence:
    """Evidence of its JSON. Raises ``msgspec.DecodeError``."""
    return msgspec.json.decode(data, type=Evidence)


def _shorter(evidence: Evidence) -> Evidence:
    if len(evidence.run) > _FEW:
        return msgspec.structs.replace(evidence, run=evidence.run[len(evidence.run) // 3 :], run_cut=True)
    if len(evidence.reports) > _FEW:
        return msgspec.structs.replace(evidence, reports=evidence.reports[1:-1])
    # What is left is what somebody wrote into the settings.
    rule = evidence.rule
    if rule is not None and rule.settings:
        kept = {name: rule.settings[name] for name in rule.changed[:_FEW] if len(str(rule.settings[name])) < _LONG}
        smaller = kept if len(kept) < len(rule.settings) else {}
        return msgspec.structs.replace(evidence, rule=msgspec.structs.replace(rule, settings=smaller))
    return msgspec.structs.replace(evidence, run=(), reports=(), quality={}, limit=None)


_FEW = 8
_LONG = 200
