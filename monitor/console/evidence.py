"""The address of the REST API for the evidence of an alarm."""

from __future__ import annotations

import msgspec
from fastapi import FastAPI
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from monitor.console.parameters import PREFIX
from monitor.console.records import Value
from monitor.model.alarm import Transition
from monitor.model.evidence import FrameForm
from monitor.store.database import Database
from monitor.store.evidence_store import alarm_evidence_by_id


class SeenReportRecord(BaseModel):
    """One report as the rules saw it. Times ISO 8601 at +08:00, places WGS-84."""

    fix: str
    lon: float | None = None
    lat: float | None = None
    speed_kmh: float | None = Field(None, description="as stated")
    recorder_kmh: float | None = None
    heading_deg: int | None = None
    mileage_km: float | None = Field(None, description="odometer")
    acc: bool | None = None
    delay_s: float | None = Field(None, description="received so long after the fix")
    outcome: str = Field("accepted", description="what became of it; drift points are not used")
    backfill: bool = False
    flaws: list[str] = []


class RawFrameRecord(BaseModel):
    """The bytes that a report came in: a frame as sent, or its JSON."""

    fix: str = Field(description="of the report; a frame may hold others too")
    received: str
    source: str
    form: FrameForm
    size: int = Field(description="bytes of all of it")
    hex: str = Field("", description="with delimiters, escaped and enciphered as sent; monitor decode reads it")
    text: str = Field("", description="of JSON")
    truncated: bool = False


class RuleInForceRecord(BaseModel):
    """The rule, a hash of its source and settings, and the settings of the vehicle."""

    name: str
    version: str
    program: str
    settings: dict[str, object]
    changed: list[str] = Field([], description="settings that differ from the default")


class LimitRecord(BaseModel):
    """The limit in the rule's unit, and where it comes from."""

    value: float | None = None
    unit: str = ""
    source: str = ""
    section_id: str = ""
    section_name: str = ""
    road_class: str = ""
    posted_kmh: float | None = None
    surveyed_by: str = ""
    surveyed_on: str = ""
    fence_id: str = ""
    fence_name: str = ""
    permit_id: str = ""


class RunStretchRecord(BaseModel):
    """A piece of the run: drive, stop or unknown."""

    kind: str
    begin: str
    end: str
    minutes: float
    distance_km: float
    driver: str = ""
    short_stops: int = 0
    short_stop_minutes: float | None = None
    open: bool = False


class ClocksRecord(BaseModel):
    """Engine clock when found; begin and end by the terminal, and when their reports were received."""

    found: str
    onset: str
    onset_received: str = ""
    end: str = ""
    end_received: str = ""


class UncertaintyRecord(BaseModel):
    """How far the times may be off, in seconds."""

    interval_s: float | None = None
    begin_s: float | None = None
    end_s: float | None = None


class EvidenceRecord(BaseModel):
    """What one change of the alarm was found in."""

    alarm_id: str
    sequence: int
    transition: Transition
    clocks: ClocksRecord
    grade: str
    certainty: str
    suspected_serious: bool = False
    late: bool = False
    rule: RuleInForceRecord | None = None
    limit: LimitRecord | None = None
    around: str = Field("", description="begin or end: the moment that the reports lie around")
    reports: list[SeenReportRecord] = []
    quality: dict[str, int] = Field({}, description="how many of the reports have what flaw")
    uncertainty: UncertaintyRecord | None = None
    run: list[RunStretchRecord] = Field([], description="of driving clocks, from the rest before")
    run_cut: bool = False
    frames: list[RawFrameRecord] = Field([], description="bytes of the reports nearest to the moment, by receipt")
    frames_gone: int = Field(0, description="reports whose bytes are not kept any more")


class AlarmEvidenceRecord(BaseModel):
    alarm: dict[str, Value] = Field(description="the alarm record as it stands")
    evidence: list[EvidenceRecord]


def add_evidence(api: FastAPI, database: Database) -> None:
    """Add it to the API."""

    @api.get(f"{PREFIX}/alarms/{{alarm_id}}/evidence", tags=["alarms"], response_model_exclude_defaults=True)
    def evidence(alarm_id: str) -> AlarmEvidenceRecord:
        """What an alarm was found in: reports, limit, settings, run, and how sure its times are."""
        found = alarm_evidence_by_id(database, alarm_id)
        if found is None:
            raise HTTPException(404, f"There is no alarm {alarm_id}.")
        return AlarmEvidenceRecord.model_validate(msgspec.to_builtins(found))
