"""The REST API: alarms, vehicles, enterprise summaries, indicators, key supervision, terminals, other platforms.

What changes something is a command to the core; ``access`` says who may give one. ``/openapi.json`` describes it all.
Every error is JSON with a word and a sentence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated

import msgspec
from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match

from monitor import __version__
from monitor.console.access import SAFE_METHODS, Access
from monitor.console.audit import AuditedCommands, audit
from monitor.console.commands import Commands, NoCore
from monitor.console.deliveries import add_deliveries
from monitor.console.device_records import add_device_records
from monitor.console.downlinks import add_downlinks
from monitor.console.drivers import add_drivers
from monitor.console.enterprise_summaries import enterprise_summaries
from monitor.console.evidence import add_evidence
from monitor.console.exchange import add_exchange
from monitor.console.maps import add_maps
from monitor.console.parameters import PREFIX, Limit, Offset, WrongParameterError, moment
from monitor.console.permits import add_permits
from monitor.console.problem import Problem
from monitor.console.records import (
    AlarmList,
    AlarmRecord,
    AlarmWithLog,
    EnterpriseList,
    EnterpriseSummaryRecord,
    IndicatorList,
    ProblemRecord,
    SupervisionList,
    VehicleList,
)
from monitor.console.start_page import start_page
from monitor.console.terminals import add_terminals
from monitor.errors import CommandError, StoreError
from monitor.model.alarm import AlarmState, Grade
from monitor.model.beijing import iso
from monitor.model.fleet import Vehicle, VehicleClass
from monitor.model.indicator import Indicator, Period, Scope
from monitor.store.alarm_query import AlarmFilter, alarm_by_id, changes_of_alarm, find_alarms
from monitor.store.alarm_rows import StoredAlarm
from monitor.store.database import Database
from monitor.store.indicator_store import find_indicators
from monitor.store.registry_store import find_vehicles
from monitor.store.supervision_store import find_supervision
from monitor.supervision.rates import rates
from monitor.supervision.summary import EnterpriseSummary

GradeWord = Annotated[list[str] | None, Query(description="notice, general, major, serious; repeatable")]

_ERRORS: dict[int | str, dict[str, object]] = {
    code: {"model": ProblemRecord, "description": what}
    for code, what in (
        (401, "a token is needed"),
        (403, "this is for administrators"),
        (404, "there is no such thing"),
        (409, "it is no longer in a state that allows it"),
        (415, "the body has to be JSON"),
        (422, "a parameter is wrong"),
        (503, "the store or the core does not answer"),
    )
}


HEALTH = "/healthz"
_MAX_BODY = 15 * 1024 * 1024
"""Bytes of a request (a guess; the channel to the core takes little more)."""


def create_api(
    database: Database,
    token: str | None = None,
    commands: Commands | None = None,
    *,
    admin_token: str | None = None,
    loopback: bool = True,
) -> FastAPI:
    """The ASGI application over an open store. ``token`` is what every request must carry, if any.

    ``commands`` leads to the core; without it every command is refused (503). ``loopback`` says that only this machine
    can reach the server: commands are then taken even without an ``admin_token``.
    """
    access = Access(token, admin_token, loopback)
    core = AuditedCommands(commands or NoCore())
    api = FastAPI(
        title="Monitor",
        version=__version__,
        description="Alarms of key operating vehicles 重点营运车辆动态监控报警, orders to their terminals, and what "
        "passes between platforms.",
        docs_url=None,  # the usual page loads its scripts from a content network, which a closed network has not
        redoc_url=None,
        responses=_ERRORS,
    )
    _alarms(api, database)
    add_evidence(api, database)
    _fleet(api, database)
    _supervision(api, database)
    add_terminals(api, database, core, access)
    add_downlinks(api, database, core, access)
    add_device_records(api, database)
    add_exchange(api, database, core)
    add_maps(api, core)
    add_permits(api, database, core)
    add_drivers(api, database, access)
    add_deliveries(api, database, core)
    _pages(api)
    _problems(api)
    _guard(api, access)
    return api


def _guard(api: FastAPI, access: Access) -> None:
    """Every request passes here; whatever is not a question has to be an administrator's."""

    @api.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        # Whoever asks whether we are alive needs no token: it is all that the answer says.
        if request.url.path != HEALTH and not access.may_read(request):
            return Problem(401, "token_needed", "Send the header Authorization: Bearer <token>.").response()
        request.state.asked_by = access.who(request)
        if request.method in SAFE_METHODS or not _has_command(api, request):
            return await answer(request)
        problem = access.refusal(request) or _too_long(request)
        if problem is not None:
            asked = f"{request.state.asked_by}: {request.method} {request.url.path!r}"
            audit.warning("%s refused: %d %s", asked, problem.status, problem.error)
            return problem.response()
        return await answer(request)


def _has_command(api: FastAPI, request: Request) -> bool:
    """Whether anything would be done; what leads nowhere is answered 404 or 405 by the routes themselves."""
    return any(route.matches(request.scope)[0] is Match.FULL for route in api.router.routes)


def _too_long(request: Request) -> Problem | None:
    stated = request.headers.get("content-length", "0")
    if stated.isdigit() and int(stated) <= _MAX_BODY:
        return None
    return Problem(413, "too_long", f"A command has at most {_MAX_BODY} bytes.")


def _alarms(api: FastAPI, database: Database) -> None:
    @api.get(f"{PREFIX}/alarms", tags=["alarms"])
    def alarms(
        rule: Annotated[list[str] | None, Query(description="repeatable")] = None,
        kind: Annotated[list[str] | None, Query(description="repeatable")] = None,
        grade: GradeWord = None,
        state: Annotated[list[AlarmState] | None, Query(description="repeatable")] = None,
        vehicle_id: str = "",
        enterprise_id: str = "",
        since: Annotated[str | None, Query(alias="from", description="onset at or after, ISO 8601")] = None,
        until: Annotated[str | None, Query(alias="to", description="onset before, ISO 8601")] = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> AlarmList:
        """Alarms by onset, the newest first."""
        wanted = AlarmFilter(
            rules=tuple(rule or ()),
            kinds=tuple(kind or ()),
            grades=tuple(_grade(word) for word in grade or ()),
            states=tuple(state or ()),
            vehicle_id=vehicle_id,
            enterprise_id=enterprise_id,
            from_ms=moment("from", since),
            to_ms=moment("to", until),
        )
        page = find_alarms(database, wanted, limit=limit, offset=offset)
        return AlarmList(total=page.total, offset=offset, alarms=[_alarm(one) for one in page.alarms])

    @api.get(f"{PREFIX}/alarms/{{alarm_id}}", tags=["alarms"])
    def alarm(alarm_id: str) -> AlarmWithLog:
        """One alarm, and everything that happened to it."""
        found = alarm_by_id(database, alarm_id)
        if found is None:
            raise HTTPException(404, f"There is no alarm {alarm_id}.")
        changes = [
            {
                "sequence": change.sequence,
                "transition": change.transition,
                "at": iso(change.at_ms),
                "record": msgspec.json.decode(change.record),
            }
            for change in changes_of_alarm(database, alarm_id)
        ]
        return AlarmWithLog.model_validate({"alarm": _alarm(found), "changes": changes})


def _fleet(api: FastAPI, database: Database) -> None:
    @api.get(f"{PREFIX}/vehicles", tags=["fleet"])
    def vehicles(
        enterprise_id: str = "",
        vehicle_class: VehicleClass | None = None,
        text: Annotated[str, Query(description="part of id, plate or terminal phone")] = "",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> VehicleList:
        """Registered vehicles by id."""
        page = find_vehicles(
            database,
            enterprise_id=enterprise_id,
            vehicle_class=vehicle_class,
            text=text,
            limit=limit,
            offset=offset,
        )
        rows = [_vehicle(one) for one in page.vehicles]
        return VehicleList.model_validate({"total": page.total, "offset": offset, "vehicles": rows})

    @api.get(f"{PREFIX}/enterprises", tags=["fleet"])
    def enterprises() -> EnterpriseList:
        """Summaries of all enterprises."""
        found = enterprise_summaries(database)
        return EnterpriseList(total=len(found), enterprises=[_summary(one) for one in found])

    @api.get(f"{PREFIX}/enterprises/{{enterprise_id}}/summary", tags=["fleet"])
    def summary(enterprise_id: str) -> EnterpriseSummaryRecord:
        """One enterprise at a glance."""
        found = enterprise_summaries(database, enterprise_id)
        if not found:
            raise HTTPException(404, f"There is no enterprise {enterprise_id}.")
        return _summary(found[0])


def _supervision(api: FastAPI, database: Database) -> None:
    @api.get(f"{PREFIX}/indicators", tags=["supervision"])
    def indicators(
        scope: Scope | None = None,
        key: str = "",
        period: Period | None = None,
        first: Annotated[date | None, Query(alias="from", description="first date")] = None,
        last: Annotated[date | None, Query(alias="to", description="last date, inclusive")] = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> IndicatorList:
        """Counts and the rates derived from them, the newest first."""
        page = find_indicators(
            database, scope=scope, key=key, period=period, first=first, last=last, limit=limit, offset=offset
        )
        rows = [_indicator(row) for row in page.indicators]
        return IndicatorList.model_validate({"total": page.total, "offset": offset, "indicators": rows})

    @api.get(f"{PREFIX}/supervision", tags=["supervision"])
    def supervision(
        object_type: str = "",
        object_id: str = "",
        listed_only: Annotated[bool, Query(description="without those that have left the list")] = False,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> SupervisionList:
        """The key-supervision list (重点监管), the newest first."""
        page = find_supervision(
            database,
            object_type=object_type,
            object_id=object_id,
            listed_only=listed_only,
            limit=limit,
            offset=offset,
        )
        rows = [entry.record() for entry in page.entries]
        return SupervisionList.model_validate({"total": page.total, "offset": offset, "entries": rows})


def _pages(api: FastAPI) -> None:
    @api.get("/", include_in_schema=False)
    def start() -> HTMLResponse:
        return HTMLResponse(start_page(api.openapi()))

    @api.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(start_page(api.openapi()))

    @api.get(HEALTH, include_in_schema=False)
    def healthz() -> dict[str, bool]:
        return {"alive": True}


def _problems(api: FastAPI) -> None:
    @api.exception_handler(StoreError)
    async def store(_: Request, error: StoreError) -> Response:
        return Problem(503, "store_unavailable", str(error)).response()

    @api.exception_handler(CommandError)
    async def command(_: Request, error: CommandError) -> Response:
        return Problem(error.status, error.reason, error.message).response()

    @api.exception_handler(WrongParameterError)
    async def parameter(_: Request, error: WrongParameterError) -> Response:
        return Problem(422, "wrong_parameter", str(error)).response()

    @api.exception_handler(RequestValidationError)
    async def validation(_: Request, error: RequestValidationError) -> Response:
        found = [f"parameter {item['loc'][-1]}: {item['msg']}" for item in error.errors()]
        return Problem(422, "wrong_parameter", "; ".join(found)).response()

    @api.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        word = {404: "not_found", 405: "read_only"}.get(error.status_code, "refused")
        said = str(error.detail)
        message = {
            "Not Found": f"There is nothing at {request.url.path}; see /openapi.json.",
            "Method Not Allowed": f"{request.url.path} is read-only: {request.method} changes nothing there.",
        }.get(said, said)
        return Problem(error.status_code, word, message).response()


def _grade(word: str) -> Grade:
    try:
        return Grade[word.upper()]
    except KeyError:
        known = ", ".join(grade.word for grade in Grade)
        raise WrongParameterError("grade", f"{word!r} is none of {known}") from None


def _alarm(stored: StoredAlarm) -> AlarmRecord:
    record = {**stored.alarm.record(), "sequence": stored.sequence, "changed_at": iso(stored.changed_ms)}
    return AlarmRecord.model_validate(record)


def _vehicle(vehicle: Vehicle) -> object:
    return msgspec.to_builtins(vehicle)


def _summary(summary: EnterpriseSummary) -> EnterpriseSummaryRecord:
    record = summary.record()
    return EnterpriseSummaryRecord.model_validate(record if summary.at_ms else {**record, "at": None})


def _indicator(row: Indicator) -> dict[str, object]:
    return {**row.record(), "rates": rates(row).record()}
