"""All messages by id: bodies to messages and back."""

from __future__ import annotations

from typing import Final

import msgspec

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.areas import (
    DeleteCircles,
    DeletePolygons,
    DeleteRectangles,
    DeleteRoutes,
    SetCircles,
    SetPolygon,
    SetRectangles,
)
from monitor.codec.jt808.messages.attributes import AttributesReply, QueryAttributes, UpgradeResult
from monitor.codec.jt808.messages.documents import CanData, RecorderData, Waybill
from monitor.codec.jt808.messages.driver_card import DriverCard, QueryDriverCard
from monitor.codec.jt808.messages.general_reply import PlatformReply, TerminalReply
from monitor.codec.jt808.messages.media import MediaData, MediaEvent, MediaReply
from monitor.codec.jt808.messages.message import Message, RawMessage
from monitor.codec.jt808.messages.opaque import (
    CompressedUp,
    PlatformKey,
    TerminalKey,
    TransparentDown,
    TransparentUp,
)
from monitor.codec.jt808.messages.parameters import (
    Control,
    ParametersReply,
    QueryAllParameters,
    QueryParameters,
    SetParameters,
)
from monitor.codec.jt808.messages.position import Location, LocationBatch, PositionReply, VehicleControlReply
from monitor.codec.jt808.messages.position_order import ConfirmAlarm, PositionQuery, Track
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.registration import Authenticate, Register, RegisterReply
from monitor.codec.jt808.messages.retransmission import RetransmitRequest, TerminalRetransmitRequest
from monitor.codec.jt808.messages.routes import AreasReply, QueryAreas, SetRoute
from monitor.codec.jt808.messages.session import Heartbeat, LinkCheck, TimeQuery, TimeReply, Unregister
from monitor.codec.jt808.messages.text import Text
from monitor.codec.jt808.messages.vehicle_control import VehicleControl
from monitor.codec.jt808.messages.writer import Writer
from monitor.errors import CodecError

_ALL: Final[tuple[type[Message], ...]] = (
    TerminalReply,
    Heartbeat,
    Unregister,
    TimeQuery,
    TerminalRetransmitRequest,
    Register,
    Authenticate,
    ParametersReply,
    AttributesReply,
    UpgradeResult,
    Location,
    PositionReply,
    VehicleControlReply,
    AreasReply,
    RecorderData,
    Waybill,
    DriverCard,
    LocationBatch,
    CanData,
    MediaEvent,
    MediaData,
    TransparentUp,
    CompressedUp,
    TerminalKey,
    PlatformReply,
    RetransmitRequest,
    TimeReply,
    RegisterReply,
    SetParameters,
    QueryAllParameters,
    Control,
    QueryParameters,
    QueryAttributes,
    PositionQuery,
    Track,
    ConfirmAlarm,
    LinkCheck,
    Text,
    VehicleControl,
    SetCircles,
    DeleteCircles,
    SetRectangles,
    DeleteRectangles,
    SetPolygon,
    DeletePolygons,
    SetRoute,
    DeleteRoutes,
    QueryAreas,
    QueryDriverCard,
    MediaReply,
    TransparentDown,
    PlatformKey,
)


def _id_of(kind: type[Message]) -> int:
    number = kind.msg_id
    assert isinstance(number, int)
    return number


MESSAGES: Final[dict[int, type[Message]]] = {_id_of(kind): kind for kind in _ALL}
"""Message classes by id; every other id is a ``RawMessage``."""


def decode_message(msg_id: int, body: bytes, version: Version) -> Message:
    """The message of a whole, unescaped body; CodecError with message, field and offset in the body.

    A header tells 2019 from the older editions only: ``version`` is what is known, and where a body does not fit it
    exactly but another edition's layout does, that one is read. Bytes behind the last field go to ``tail``.
    """
    kind = MESSAGES.get(msg_id)
    if kind is None:
        return RawMessage(msg_id, bytes(body))
    nearest: Message | None = None
    refusal: CodecError | None = None
    for edition in kind.EDITIONS.get(version, (version,)):
        reader = Reader(body, msg_id)
        try:
            message = kind.read(reader, edition)
        except CodecError as error:
            refusal = refusal or error
            continue
        if not reader.left:
            return message
        if nearest is None:
            nearest = msgspec.structs.replace(message, tail=reader.rest())
    if nearest is None:
        raise refusal or CodecError(reason="body_too_short", field="body")
    return nearest


def encode_message(message: Message, version: Version) -> bytes:
    """The body in the layout of ``version``; CodecError ``out_of_range`` if a value does not fit its field."""
    out = Writer(message.msg_id)
    message.write(out, version)
    return bytes(out.body) + message.tail
