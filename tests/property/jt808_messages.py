"""Random 808 messages of every type, as each edition can carry them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from hypothesis import strategies as st

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.items import Item
from monitor.codec.jt808.messages import (
    MESSAGES,
    AreaAttribute,
    AreaKind,
    AreasReply,
    AttributesReply,
    Authenticate,
    CanData,
    CanItem,
    Circle,
    CompressedUp,
    ConfirmAlarm,
    Control,
    ControlItem,
    DeleteCircles,
    DriverCard,
    DrivingTime,
    Location,
    LocationBatch,
    MediaData,
    MediaEvent,
    MediaReply,
    Message,
    Parameter,
    ParametersReply,
    Period,
    Point,
    PositionReply,
    QueryAreas,
    QueryParameters,
    RecorderData,
    Rectangle,
    Register,
    RegisterReply,
    RetransmitRequest,
    RoutePoint,
    SegmentAttribute,
    SetCircles,
    SetParameters,
    SetPolygon,
    SetRectangles,
    SetRoute,
    SpeedLimit,
    TerminalKey,
    TerminalReply,
    Text,
    TimeReply,
    Track,
    TransparentUp,
    UpgradeResult,
    VehicleControl,
    VehicleControlReply,
    Waybill,
)
from monitor.model.beijing import BEIJING

VERSIONS = st.sampled_from(list(Version))
Messages = st.SearchStrategy[Message]

_U8, _U16, _U32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)
_LETTERS = "abzAZ019;:-.粤B川电子运单测试€𠮷"
_TEXT = st.text(_LETTERS, max_size=20)
_BYTES = st.binary(max_size=40)
_IDS = st.lists(_U32, max_size=5).map(tuple)
_COLORS = st.sampled_from([0, 1, 2, 3, 4, 5, 9, 91, 92, 93, 94])


def _ascii(size: int) -> st.SearchStrategy[str]:
    return st.text("abzAZ019", max_size=size)


_TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31, 23, 59, 59)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0, tzinfo=BEIJING)
)
_TIMES_OF_DAY = st.times().map(lambda moment: moment.replace(microsecond=0))
_PERIODS = st.one_of(st.none(), st.builds(Period, _TIMES | _TIMES_OF_DAY, _TIMES | _TIMES_OF_DAY))
_ITEMS = st.lists(
    st.builds(Item, st.integers(1, 255), st.one_of(st.binary(max_size=8), st.binary(min_size=41, max_size=71))),
    max_size=4,
).map(tuple)


@st.composite
def locations(draw: st.DrawFn, timed: bool = False, items: bool = True) -> Location:
    """A position; hemisphere bits as its coordinates say."""
    lat_raw, lon_raw = draw(st.integers(-90_000_000, 90_000_000)), draw(st.integers(-180_000_000, 180_000_000))
    status = draw(_U32) & ~0xC | (4 if lat_raw < 0 else 0) | (8 if lon_raw < 0 else 0)
    return Location(
        alarm_flags=draw(_U32),
        status=status,
        lat_deg=lat_raw / 1e6,
        lon_deg=lon_raw / 1e6,
        altitude_m=draw(st.integers(-0x8000, 0x7FFF)),
        speed_kmh=draw(_U16) / 10,
        heading_deg=draw(_U16),
        time=draw(_TIMES if timed else _TIMES | st.none()),
        items=draw(_ITEMS) if items else (),
    )


@st.composite
def _points(draw: st.DrawFn, south: bool, west: bool) -> Point:
    lat, lon = draw(st.integers(1, 90_000_000)) / 1e6, draw(st.integers(1, 180_000_000)) / 1e6
    return Point(-lat if south else lat, -lon if west else lon)


def _speeds(version: Version) -> st.SearchStrategy[SpeedLimit | None]:
    night = _U16 if version == Version.V2019 else st.just(0)
    return st.one_of(st.none(), st.builds(SpeedLimit, _U16, _U8, night))


def _names(version: Version) -> st.SearchStrategy[str]:
    return _TEXT if version == Version.V2019 else st.just("")


def _set(period: Period | None, speed: SpeedLimit | None, south: bool, west: bool) -> int:
    """The attribute bits that follow from the fields."""
    return (
        (AreaAttribute.PERIOD if period else 0)
        | (AreaAttribute.SPEED_LIMIT if speed else 0)
        | (AreaAttribute.SOUTH if south else 0)
        | (AreaAttribute.WEST if west else 0)
    )


@st.composite
def _circles(draw: st.DrawFn, version: Version) -> Circle:
    south, west = draw(st.booleans()), draw(st.booleans())
    period, speed = draw(_PERIODS), draw(_speeds(version))
    attributes = int(draw(_U16) & ~0xC3 | _set(period, speed, south, west))
    center = draw(_points(south, west))
    return Circle(draw(_U32), attributes, center, draw(_U32), period, speed, draw(_names(version)))


@st.composite
def _rectangles(draw: st.DrawFn, version: Version) -> Rectangle:
    south, west = draw(st.booleans()), draw(st.booleans())
    period, speed = draw(_PERIODS), draw(_speeds(version))
    attributes = int(draw(_U16) & ~0xC3 | _set(period, speed, south, west))
    corners = draw(_points(south, west)), draw(_points(south, west))
    return Rectangle(draw(_U32), attributes, *corners, period, speed, draw(_names(version)))


@st.composite
def _polygons(draw: st.DrawFn, version: Version) -> SetPolygon:
    south, west = draw(st.booleans()), draw(st.booleans())
    period, speed = draw(_PERIODS), draw(_speeds(version))
    attributes = int(draw(_U16) & ~0xC3 | _set(period, speed, south, west))
    vertices = tuple(draw(st.lists(_points(south, west), min_size=1, max_size=5)))
    return SetPolygon(draw(_U32), attributes, vertices, period, speed, draw(_names(version)))


@st.composite
def _route_points(draw: st.DrawFn, version: Version) -> RoutePoint:
    old = version == Version.V2011
    south, west = draw(st.booleans()), draw(st.booleans())
    driving = draw(st.one_of(st.none(), st.builds(DrivingTime, _U16, st.just(0) if old else _U16)))
    speed = draw(_speeds(version))
    attributes = (
        draw(_U8) & ~0xF
        | (SegmentAttribute.DRIVING_TIME if driving else 0)
        | (SegmentAttribute.SPEED_LIMIT if speed else 0)
        | (SegmentAttribute.SOUTH if south else 0)
        | (SegmentAttribute.WEST if west else 0)
    )
    place = draw(_points(south, west))
    return RoutePoint(0 if old else draw(_U32), draw(_U32), place, draw(_U8), int(attributes), driving, speed)


@st.composite
def _routes(draw: st.DrawFn, version: Version) -> SetRoute:
    period = draw(_PERIODS)
    attributes = draw(_U16) & ~1 | (1 if period else 0)
    points = tuple(draw(st.lists(_route_points(version), max_size=4)))
    return SetRoute(draw(_U32), attributes, points, period, draw(_names(version)))


def _circle_orders(version: Version) -> st.SearchStrategy[SetCircles]:
    return st.builds(SetCircles, st.lists(_circles(version), max_size=3).map(tuple), _U8)


def _rectangle_orders(version: Version) -> st.SearchStrategy[SetRectangles]:
    return st.builds(SetRectangles, st.lists(_rectangles(version), max_size=3).map(tuple), _U8)


@st.composite
def _area_replies(draw: st.DrawFn, version: Version) -> AreasReply:
    kind = draw(st.sampled_from([*AreaKind, 5]))
    bodies: dict[int, Callable[[Version], st.SearchStrategy[SetCircles | SetRectangles | SetPolygon | SetRoute]]] = {
        AreaKind.CIRCLE: _circle_orders,
        AreaKind.RECTANGLE: _rectangle_orders,
        AreaKind.POLYGON: _polygons,
        AreaKind.ROUTE: _routes,
    }
    if kind not in bodies:
        return AreasReply(kind, (), draw(_U32), draw(_BYTES))
    areas = draw(st.lists(bodies[kind](version), min_size=1, max_size=2).map(tuple))
    return AreasReply(int(kind), areas, len(areas))


def _parameters(most: int) -> st.SearchStrategy[tuple[Parameter, ...]]:
    return st.lists(st.builds(Parameter, _U32, st.binary(max_size=255)), max_size=most).map(tuple)


@st.composite
def _parameter_replies(draw: st.DrawFn) -> ParametersReply:
    parameters = draw(_parameters(4))
    return ParametersReply(draw(_U16), parameters, len(parameters))


def _registrations(version: Version) -> st.SearchStrategy[Register]:
    maker, model, terminal_id = {
        Version.V2011: (5, 8, 7),
        Version.V2013: (5, 20, 7),
        Version.V2019: (11, 30, 30),
    }[version]
    return st.builds(
        Register,
        _U16,
        _U16,
        _ascii(maker),
        _ascii(model),
        _ascii(terminal_id),
        _COLORS,
        st.text("粤川A012警学", max_size=8),
        edition=st.just(version),
    )


def _authentications(version: Version) -> st.SearchStrategy[Authenticate]:
    if version == Version.V2019:
        return st.builds(Authenticate, _TEXT, _ascii(15), _ascii(20))
    return st.builds(Authenticate, _TEXT)


def _attributes(version: Version) -> st.SearchStrategy[AttributesReply]:
    newer = version == Version.V2019
    return st.builds(
        AttributesReply,
        kind=_U16,
        maker=_ascii(5),
        model=_ascii(30 if newer else 20),
        terminal_id=_ascii(30 if newer else 7),
        iccid=st.binary(min_size=10, max_size=10).map(bytes.hex),
        hardware=_TEXT,
        firmware=_TEXT,
        gnss=_U8,
        communication=_U8,
        maker_width=st.just(5),
    )


def _cards(version: Version) -> st.SearchStrategy[DriverCard]:
    dates = st.dates(date(1900, 1, 1), date(2200, 1, 1))
    if version == Version.V2011:
        return st.builds(
            DriverCard,
            name=_TEXT,
            licence=_ascii(20),
            qualification=_ascii(40),
            issuer=_TEXT,
            edition=st.just(Version.V2011),
        )
    when = _TIMES | st.none()
    return st.one_of(
        st.builds(DriverCard, st.just(2), when, st.none(), edition=st.just(version)),
        st.builds(DriverCard, st.just(1), when, st.integers(1, 4), edition=st.just(version)),
        st.builds(
            DriverCard,
            st.just(1),
            when,
            st.just(0),
            _TEXT,
            _ascii(20),
            _TEXT,
            dates | st.none(),
            _ascii(20) if version == Version.V2019 else st.just(""),
            st.just(version),
        ),
    )


def _position_replies(version: Version) -> st.SearchStrategy[PositionReply]:
    return st.builds(PositionReply, st.none() if version == Version.V2011 else _U16, locations(timed=True))


@st.composite
def _batches(draw: st.DrawFn) -> LocationBatch:
    positions = draw(st.lists(locations(), min_size=1, max_size=3).map(tuple))
    return LocationBatch(draw(_U8), positions, draw(st.one_of(st.just(len(positions)), _U16)))


@st.composite
def _can(draw: st.DrawFn) -> CanData:
    items = draw(st.lists(st.builds(CanItem, _U32, st.binary(min_size=8, max_size=8)), max_size=4).map(tuple))
    digits = draw(st.text("0123456789", min_size=10, max_size=10))
    return CanData(digits, items, draw(st.one_of(st.just(len(items)), _U16)))


def _media(version: Version) -> st.SearchStrategy[MediaData]:
    head = (_U32, _U8, _U8, _U8, _U8)
    if version == Version.V2011:
        return st.builds(MediaData, *head, st.none(), _BYTES, _U32, _U32)
    return st.builds(MediaData, *head, locations(items=False), _BYTES)


def _controls(version: Version) -> st.SearchStrategy[VehicleControl]:
    if version != Version.V2019:
        return st.builds(VehicleControl, _U8)
    doors = st.lists(st.builds(ControlItem, st.just(1), st.binary(min_size=1, max_size=1)), min_size=1, max_size=3)
    vendor = st.lists(
        st.builds(ControlItem, st.integers(0xF001, 0xFFFF), st.binary(min_size=1, max_size=9)), max_size=1
    )
    return st.builds(VehicleControl, st.none(), st.tuples(doors, vendor).map(lambda two: (*two[0], *two[1])))


def _not_of_1999(moment: datetime) -> bool:
    """Beijing's first hours of 2000 are of 1999 in UTC, which BCD[6] cannot say."""
    return moment.astimezone(UTC).year > 1999


def _to_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _tracks() -> st.SearchStrategy[Track]:
    return st.one_of(st.builds(Track, st.integers(1, 0xFFFF), _U32), st.just(Track(0)))


def _replies() -> st.SearchStrategy[RegisterReply]:
    return st.one_of(
        st.builds(RegisterReply, _U16, st.just(0), _TEXT), st.builds(RegisterReply, _U16, st.integers(1, 4))
    )


def messages(kind: type[Message], version: Version) -> Messages:
    """Messages of one class that an edition can carry."""
    if kind.__struct_fields__ == ("tail",):
        return st.just(kind())
    for base, made in _MADE.items():
        if issubclass(kind, base):
            return made(kind, version)
    raise KeyError(kind.__name__)


_MADE: dict[type[Message], Callable[[type[Message], Version], Messages]] = {
    TerminalReply: lambda kind, _: st.builds(kind, _U16, _U16, _U8),
    RetransmitRequest: lambda kind, _: st.builds(kind, _U16, st.lists(_U16, max_size=9).map(tuple)),
    Register: lambda _, version: _registrations(version),
    RegisterReply: lambda *_: _replies(),
    Authenticate: lambda _, version: _authentications(version),
    SetParameters: lambda *_: st.builds(SetParameters, _parameters(4)),
    ParametersReply: lambda *_: _parameter_replies(),
    QueryParameters: lambda *_: st.builds(QueryParameters, _IDS),
    Control: lambda *_: st.builds(Control, _U8, _TEXT),
    AttributesReply: lambda _, version: _attributes(version),
    UpgradeResult: lambda *_: st.builds(UpgradeResult, _U8, _U8),
    Location: lambda *_: locations(),
    PositionReply: lambda _, version: _position_replies(version),
    VehicleControlReply: lambda *_: st.builds(VehicleControlReply, _U16, locations()),
    LocationBatch: lambda *_: _batches(),
    Track: lambda *_: _tracks(),
    ConfirmAlarm: lambda *_: st.builds(ConfirmAlarm, _U16, _U32),
    Text: lambda _, version: st.builds(
        Text, _U8, st.integers(1, 255) if version == Version.V2019 else st.just(0), _TEXT
    ),
    VehicleControl: lambda _, version: _controls(version),
    SetCircles: lambda _, version: _circle_orders(version),
    SetRectangles: lambda _, version: _rectangle_orders(version),
    SetPolygon: lambda _, version: _polygons(version),
    SetRoute: lambda _, version: _routes(version),
    DeleteCircles: lambda kind, _: st.builds(kind, _IDS),
    QueryAreas: lambda *_: st.builds(QueryAreas, _U8, _IDS),
    AreasReply: lambda _, version: _area_replies(version),
    DriverCard: lambda _, version: _cards(version),
    Waybill: lambda *_: st.builds(Waybill, _TEXT),
    CanData: lambda *_: _can(),
    RecorderData: lambda *_: st.builds(RecorderData, _U16, _U8, _BYTES),
    MediaEvent: lambda *_: st.builds(MediaEvent, _U32, _U8, _U8, _U8, _U8),
    MediaData: lambda _, version: _media(version),
    MediaReply: lambda *_: st.builds(MediaReply, _U32, st.lists(_U16, max_size=9).map(tuple)),
    TransparentUp: lambda kind, _: st.builds(kind, _U8, _BYTES),
    CompressedUp: lambda *_: st.builds(CompressedUp, _BYTES),
    TerminalKey: lambda kind, _: st.builds(kind, _U32, st.binary(min_size=128, max_size=128)),
    TimeReply: lambda *_: st.builds(TimeReply, _TIMES.filter(_not_of_1999).map(_to_utc) | st.none()),
}

ANY_MESSAGE = st.tuples(st.sampled_from(list(MESSAGES.values())), VERSIONS).flatmap(
    lambda choice: st.tuples(messages(*choice), st.just(choice[1]))
)
"""A message and an edition that can carry it."""
