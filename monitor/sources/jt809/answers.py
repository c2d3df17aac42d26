"""What a lower platform answers by itself when the upper asks (apart from what a person has to answer)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from monitor.codec.jt809 import (
    DownDriverInfoRequest,
    DownEmergency,
    DownMonitorVehicle,
    DownPlatformInfo,
    DownReturnEnd,
    DownReturnStartup,
    DownTakePhoto,
    DownTakeTravel,
    DownText,
    DownVehicleAdded,
    DownWaybillRequest,
    Message,
    UpEmergencyReply,
    UpMonitorVehicleReply,
    UpPlatformInfoReply,
    UpReturnEndReply,
    UpReturnStartupReply,
    UpTakePhotoReply,
    UpTakeTravelReply,
    UpTextReply,
    VehicleMessage,
)
from monitor.model.exchange import StaticVehicle, VehicleDriver, VehicleWaybill
from monitor.sources.jt809 import translation
from monitor.sources.jt809.desk import VehicleFiles

Reply = Callable[[], Awaitable[Message]]

_FAILED = 1
"""Result of 0x1501 and 0x1503."""
_OTHER = 2
"""Result of 0x1505."""
_UNSUPPORTED = 0
"""Flag of 0x1502."""


class Answers:
    """``to`` gives the answer to a message as something to be done later, None if it wants none."""

    def __init__(self, files: VehicleFiles | None) -> None:
        self._files = files

    def to(self, message: Message, sn: int) -> Reply | None:
        """``sn`` is the header's number of ``message``."""
        source = (message.sub_type, sn)
        match message:
            case DownVehicleAdded():
                return lambda: self._static(message, source)
            case DownDriverInfoRequest():
                return lambda: self._driver(message, source)
            case DownWaybillRequest():
                return lambda: self._waybill(message, source)
        fixed = _fixed_reply(message, source)
        return None if fixed is None else lambda: _already(fixed)

    async def _static(self, asked: VehicleMessage, source: tuple[int, int]) -> Message:
        found = None if self._files is None else await self._files.static(asked.plate, asked.plate_color)
        return translation.static_vehicle(found or StaticVehicle(asked.plate, asked.plate_color, 0), source)

    async def _driver(self, asked: VehicleMessage, source: tuple[int, int]) -> Message:
        found = None if self._files is None else await self._files.driver(asked.plate, asked.plate_color)
        return translation.driver_answer(found or VehicleDriver(asked.plate, asked.plate_color, 0), source)

    async def _waybill(self, asked: VehicleMessage, source: tuple[int, int]) -> Message:
        found = None if self._files is None else await self._files.waybill(asked.plate, asked.plate_color)
        return translation.waybill_answer(found or VehicleWaybill(asked.plate, asked.plate_color, 0), source)


async def _already(message: Message) -> Message:
    return message


def _fixed_reply(message: Message, source: tuple[int, int]) -> Message | None:
    """Answers that depend on nothing we know. What a link cannot have done in the vehicle is answered as failed."""
    source_type, source_sn = source
    if isinstance(message, DownPlatformInfo):
        return UpPlatformInfoReply(info_id=message.info_id, source_type=source_type, source_sn=source_sn)
    if not isinstance(message, VehicleMessage):
        return None
    plate, color = message.plate, message.plate_color
    match message:
        case DownReturnStartup():
            return UpReturnStartupReply(plate=plate, plate_color=color, source_type=source_type, source_sn=source_sn)
        case DownReturnEnd():
            return UpReturnEndReply(plate=plate, plate_color=color, source_type=source_type, source_sn=source_sn)
        case DownMonitorVehicle():
            return UpMonitorVehicleReply(
                plate=plate, plate_color=color, source_type=source_type, source_sn=source_sn, result=_FAILED
            )
        case DownTakePhoto():
            return UpTakePhotoReply(
                plate=plate,
                plate_color=color,
                source_type=source_type,
                source_sn=source_sn,
                flag=_UNSUPPORTED,
                lens_id=message.lens_id,
                size=message.size,
            )
        case DownText():
            return UpTextReply(
                plate=plate,
                plate_color=color,
                source_type=source_type,
                source_sn=source_sn,
                info_id=message.info_id,
                result=_FAILED,
            )
        case DownTakeTravel():
            return UpTakeTravelReply(
                plate=plate,
                plate_color=color,
                source_type=source_type,
                source_sn=source_sn,
                command=message.command,
                form=message.form,
            )
        case DownEmergency():
            return UpEmergencyReply(
                plate=plate, plate_color=color, source_type=source_type, source_sn=source_sn, result=_OTHER
            )
    return None
