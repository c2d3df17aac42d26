"""Every message of JT/T 808 as named fields: one file per family, each with its wire layout, decoder and encoder."""

from monitor.codec.jt808.messages.area_attributes import AreaAttribute, AreaSetting, Period, Point, SpeedLimit
from monitor.codec.jt808.messages.areas import (
    Circle,
    DeleteCircles,
    DeletePolygons,
    DeleteRectangles,
    DeleteRoutes,
    Rectangle,
    SetCircles,
    SetPolygon,
    SetRectangles,
)
from monitor.codec.jt808.messages.attributes import AttributesReply, QueryAttributes, UpgradeResult
from monitor.codec.jt808.messages.documents import CanData, CanItem, RecorderData, Waybill
from monitor.codec.jt808.messages.driver_card import CardResult, CardStatus, DriverCard, QueryDriverCard
from monitor.codec.jt808.messages.frames import encode_body_frames, encode_frames
from monitor.codec.jt808.messages.general_reply import PlatformReply, Result, TerminalReply
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
    Command,
    Control,
    Parameter,
    ParametersReply,
    QueryAllParameters,
    QueryParameters,
    SetParameters,
)
from monitor.codec.jt808.messages.position import Location, LocationBatch, PositionReply, VehicleControlReply
from monitor.codec.jt808.messages.position_order import ConfirmAlarm, PositionQuery, Track
from monitor.codec.jt808.messages.registration import Authenticate, Register, RegisterReply, RegisterResult
from monitor.codec.jt808.messages.registry import MESSAGES, decode_message, encode_message
from monitor.codec.jt808.messages.retransmission import RetransmitRequest, TerminalRetransmitRequest
from monitor.codec.jt808.messages.routes import (
    AreaKind,
    AreasReply,
    DrivingTime,
    QueryAreas,
    RoutePoint,
    SegmentAttribute,
    SetRoute,
)
from monitor.codec.jt808.messages.session import Heartbeat, LinkCheck, TimeQuery, TimeReply, Unregister
from monitor.codec.jt808.messages.text import Text, TextFlag, TextKind, TextUrgency
from monitor.codec.jt808.messages.vehicle_control import ControlItem, VehicleControl

__all__ = [
    "MESSAGES",
    "AreaAttribute",
    "AreaKind",
    "AreaSetting",
    "AreasReply",
    "AttributesReply",
    "Authenticate",
    "CanData",
    "CanItem",
    "CardResult",
    "CardStatus",
    "Circle",
    "Command",
    "CompressedUp",
    "ConfirmAlarm",
    "Control",
    "ControlItem",
    "DeleteCircles",
    "DeletePolygons",
    "DeleteRectangles",
    "DeleteRoutes",
    "DriverCard",
    "DrivingTime",
    "Heartbeat",
    "LinkCheck",
    "Location",
    "LocationBatch",
    "MediaData",
    "MediaEvent",
    "MediaReply",
    "Message",
    "Parameter",
    "ParametersReply",
    "Period",
    "PlatformKey",
    "PlatformReply",
    "Point",
    "PositionQuery",
    "PositionReply",
    "QueryAllParameters",
    "QueryAreas",
    "QueryAttributes",
    "QueryDriverCard",
    "QueryParameters",
    "RawMessage",
    "RecorderData",
    "Rectangle",
    "Register",
    "RegisterReply",
    "RegisterResult",
    "Result",
    "RetransmitRequest",
    "RoutePoint",
    "SegmentAttribute",
    "SetCircles",
    "SetParameters",
    "SetPolygon",
    "SetRectangles",
    "SetRoute",
    "SpeedLimit",
    "TerminalKey",
    "TerminalReply",
    "TerminalRetransmitRequest",
    "Text",
    "TextFlag",
    "TextKind",
    "TextUrgency",
    "TimeQuery",
    "TimeReply",
    "Track",
    "TransparentDown",
    "TransparentUp",
    "Unregister",
    "UpgradeResult",
    "VehicleControl",
    "VehicleControlReply",
    "Waybill",
    "decode_message",
    "encode_body_frames",
    "encode_frames",
    "encode_message",
]
