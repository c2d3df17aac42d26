"""What a decoded 808 message says, in the words that the sources of the published vectors use.

The sources name the same field differently (``ReplyMsgNum``, ``responseSerialNo``, ``setClientFlowId``). ``words_of``
gives for each of these names, in lower case, our values in the order they stand on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import time

from monitor.codec.jt808.active_safety import BlindSpotAlarm, DriverAssistanceAlarm, DriverStateAlarm, TyreAlarm
from monitor.codec.jt808.additional import read_additional
from monitor.codec.jt808.messages import (
    AreasReply,
    AttributesReply,
    Authenticate,
    CanData,
    Circle,
    ConfirmAlarm,
    Control,
    DeleteCircles,
    DriverCard,
    Location,
    LocationBatch,
    MediaData,
    MediaEvent,
    MediaReply,
    Message,
    ParametersReply,
    PositionReply,
    QueryAreas,
    QueryParameters,
    RecorderData,
    Rectangle,
    Register,
    RegisterReply,
    RetransmitRequest,
    SetCircles,
    SetParameters,
    SetPolygon,
    SetRectangles,
    SetRoute,
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
from monitor.codec.jt808.parameters import parameter_value

Words = dict[str, Sequence[object]]
_SafetyAlarm = DriverAssistanceAlarm | DriverStateAlarm | TyreAlarm | BlindSpotAlarm


def _under(names: str, *values: object) -> Words:
    """The same values under several names."""
    return dict.fromkeys(names.split(), values)


def _serial(serial: object) -> Words:
    names = "replymsgnum responseserialno serialnumber msgnum ackmsgnum clientflowid terminalflowid originalmsgnum"
    return _under(f"{names} originalserialnumber", serial)


def _reply(m: TerminalReply) -> Words:
    return (
        _serial(m.reply_serial)
        | _under("replymsgid ackmsgid responsemessageid id", m.reply_id)
        | _under("terminalresult jt808platformresult result resultcode", m.result)
    )


def _register(m: Register) -> Words:
    return (
        _under("areaid provinceid", m.province)
        | _under("cityorcountyid cityid", m.county)
        | _under("makerid manufacturerid", m.maker)
        | _under("terminalmodel devicemodel terminaltype", m.model)
        | _under("terminalid deviceid", m.terminal_id)
        | _under("platecolor color", m.plate_color)
        | _under("plateno caridentifier", m.plate)
    )


def _register_reply(m: RegisterReply) -> Words:
    return (
        _serial(m.reply_serial)
        | _under("jt808terminalregisterresult resultcode result", m.result)
        | _under("code token authcode", m.auth_code or None)
    )


def _authenticate(m: Authenticate) -> Words:
    code = m.auth_code
    return (
        _under("code token authcode", code)
        | _under("codelength", len(code.encode("gb18030")))
        | _under("imei", m.imei or None)
        | _under("softwareversion", m.software or None)
    )


def _parameters(m: SetParameters | ParametersReply) -> Words:
    words = _under("answerparamscount", len(m.parameters)) | (
        _serial(m.reply_serial) if isinstance(m, ParametersReply) else {}
    )
    known = [(p, parameter_value(p)) for p in m.parameters]
    words["paramid"] = [p.id for p in m.parameters]
    words["paramlength"] = [len(p.value) for p in m.parameters]
    words["paramvalue"] = [value for _, value in known]
    for p, value in known:
        words[f"parameters.{p.id}"] = (value,)
    return words


def _attributes(m: AttributesReply) -> Words:
    return (
        _under("terminaltype devicetype", m.kind)
        | _under("makerid", m.maker)
        | _under("terminalmodel devicemodel", m.model)
        | _under("terminalid deviceid", m.terminal_id)
        | _under("terminal_sim_iccid iccid key_iccid", m.iccid)
        | _under("terminal_hardware_version_num hardwareversion", m.hardware)
        | _under("terminal_firmware_version_num firmwareversion", m.firmware)
        | _under("gnssmodule gnssattribute", m.gnss)
        | _under("communicationmodule networkattribute", m.communication)
    )


def _positions(*locations: Location) -> Words:
    words: Words = {}
    for names, values in (
        ("alarmflag warnbit alarmsign alarm", [at.alarm_flags for at in locations]),
        ("statusflag statusbit statussign status", [at.status for at in locations]),
        ("lat latitude lat_raw", [round(abs(at.lat_deg) * 1e6) for at in locations]),
        ("lng longitude lon_raw", [round(abs(at.lon_deg) * 1e6) for at in locations]),
        ("altitude height", [at.altitude_m & 0xFFFF for at in locations]),
        ("speed speed_raw_0.1kmh", [round(at.speed_kmh * 10) for at in locations]),
        ("direction", [at.heading_deg for at in locations]),
        ("gpstime devicetime datetime time time_bcd", [at.time for at in locations]),
    ):
        words |= dict.fromkeys(names.split(), values)
    said = [read_additional(at.items) for at in locations]
    words["mileage"] = [None if one.mileage_km is None else round(one.mileage_km * 10) for one in said]
    words["oil"] = [None if one.fuel_l is None else round(one.fuel_l * 10) for one in said]
    return words


def _location(m: Location) -> Words:
    words = _positions(m) | _items(m)
    safety = _safety(m)
    if safety:
        # The source counts on where a position and an item in it have a field of the same name.
        pairs = {name: (*words[name], *safety[name]) for name in ("altitude", "speed", "latitude", "longitude")}
        words |= safety | pairs | {f"safety.{name}": values for name, values in safety.items()}
    return words


def _safety(m: Location) -> Words:
    """Items 0x64 to 0x67, of which a vector has one."""
    words: Words = {}
    said = read_additional(m.items)
    alarms: list[_SafetyAlarm] = [*said.adas, *said.driver_state, *said.tyre_monitor, *said.blind_spot]
    for alarm in alarms:
        words = (
            _under("alarmid", alarm.alarm_id)
            | _under("flagstate", alarm.flag)
            | _under("altitude", alarm.place.altitude_m)
            | _under("speed", alarm.place.speed_kmh)
            | _under("latitude", _raw(alarm.place.lat_deg))
            | _under("longitude", _raw(alarm.place.lon_deg))
            | _under("alarmtime", alarm.place.time)
            | _under("vehiclestate", alarm.place.vehicle_status)
            | _under("terminalid label.terminalid", alarm.label.terminal_id)
            | _under("label.time", alarm.label.time)
            | _under("sn label.sn", alarm.label.number)
            | _under("attachcount label.attachcount", alarm.label.attachments)
            | _under("retain retain1 label.retain label.retain1", alarm.label.reserved[0])
            | _under("retain2 label.retain2", *alarm.label.reserved[1:])
        )
    for front in said.adas:
        words |= (
            _under("alarmoreventtype", front.kind)
            | _under("alarmlevel", front.level)
            | _under("vehiclespeed", front.front_speed_kmh)
            | _under("carorpedestriandistanceahead", front.distance)
            | _under("deviatetype", front.deviation)
            | _under("roadsignidentificationtype", front.sign)
            | _under("roadsignidentificationdata", front.sign_data)
        )
    for driver in said.driver_state:
        words |= _under("alarmoreventtype", driver.kind) | _under("alarmlevel", driver.level)
        words |= _under("fatigue", driver.fatigue_degree)
    for spot in said.blind_spot:
        words |= _under("alarmoreventtype", spot.kind)
    for tyres in said.tyre_monitor:
        words |= _under("alarmoreventcount", len(tyres.tyres))
        words |= _under("alarmoreventtype", *(tyre.alarms for tyre in tyres.tyres))
        words |= _under("batterylevel", *(tyre.battery_percent for tyre in tyres.tyres))
        words |= _under("tirepressure", *(tyre.pressure_kpa for tyre in tyres.tyres))
        words |= _under("tirepressurealarmposition", *(tyre.position for tyre in tyres.tyres))
        words |= _under("tiretemperature", *(tyre.temperature_c for tyre in tyres.tyres))
    return words


def _items(m: Location) -> Words:
    """Additional items by their values, and by ``attributes.<id>.<name>``."""
    raw = {item.id: item.value for item in m.items}
    said = read_additional(m.items)
    words: Words = {}
    for number, value in raw.items():
        words[f"attributes.{number}"] = (int.from_bytes(value, "big"),)
    words |= _under("key_satellites gnsscount", said.satellites) | _under("wifisignalstrength", said.signal_strength)
    words |= _under("eventid", said.manual_confirmation_event)
    for number, word in {
        0x14: "videorelatealarm videoalarm",
        0x15: "videosignallosealarmstatus",
        0x16: "videosignalocclusionalarmstatus",
        0x17: "storagefaultalarmstatus",
        0x25: "carsignalstatus",
        0x2A: "iostatus",
    }.items():
        if number in raw:
            words |= _under(word, int.from_bytes(raw[number], "big"))
    if said.abnormal_driving is not None:
        words |= _under("abnormaldrivingbehavioralarmtype", said.abnormal_driving.behaviour)
        words |= _under("fatiguelevel", said.abnormal_driving.fatigue_level)
    if said.tyre_pressure_raw:
        words["attributes.5.value"] = (list(raw[0x05]),)
    for detail in said.speeding_detail:
        words["attributes.17.areaid"] = (detail.area_id,)
        words |= _under("areaid", detail.area_id)
    for passage in said.area_or_route:
        words["attributes.18.areaid"] = (passage.area_id,)
    for segment in said.segment_time:
        words["attributes.19.areaid"] = (segment.segment_id,)
        words["attributes.19.drivetime"] = (segment.driving_time_s,)
        words |= _under("drivenrouteid", segment.segment_id) | _under("time", segment.driving_time_s)
    safety: dict[int, Sequence[_SafetyAlarm]] = {
        100: said.adas,
        101: said.driver_state,
        102: said.tyre_monitor,
        103: said.blind_spot,
    }
    for number, alarms in safety.items():
        for alarm in alarms:
            at = f"attributes.{number}."
            words[at + "id"] = (alarm.alarm_id,)
            words[at + "state"] = (alarm.flag,)
            words[at + "speed"] = (alarm.place.speed_kmh,)
            words[at + "altitude"] = (alarm.place.altitude_m,)
            words[at + "latitude"] = (round(alarm.place.lat_deg * 1e6),)
            words[at + "longitude"] = (round(alarm.place.lon_deg * 1e6),)
            words[at + "alarmtime"] = (alarm.place.time,)
            words[at + "statusbit"] = (alarm.place.vehicle_status,)
            words[at + "deviceid"] = (alarm.label.terminal_id,)
            words[at + "datetime"] = (alarm.label.time,)
            words[at + "sequenceno"] = (alarm.label.number,)
            words[at + "filetotal"] = (alarm.label.attachments,)
            words[at + "reserved"] = (int.from_bytes(alarm.label.reserved, "big"),)
    for front in said.adas:
        words["attributes.100.type"], words["attributes.100.level"] = (front.kind,), (front.level,)
        words["attributes.100.frontspeed"] = (front.front_speed_kmh,)
        words["attributes.100.frontdistance"] = (front.distance,)
        words["attributes.100.deviatetype"] = (front.deviation,)
        words["attributes.100.roadsign"] = (front.sign,)
        words["attributes.100.roadsignvalue"] = (front.sign_data,)
    for driver in said.driver_state:
        words["attributes.101.type"], words["attributes.101.level"] = (driver.kind,), (driver.level,)
        words["attributes.101.fatiguedegree"] = (driver.fatigue_degree,)
        words["attributes.101.reserves"] = (int.from_bytes(driver.reserved, "big"),)
    for spot in said.blind_spot:
        words["attributes.103.type"] = (spot.kind,)
    return words


def _answered(m: PositionReply | VehicleControlReply) -> Words:
    return _positions(m.location) | _serial(m.reply_serial)


def _batch(m: LocationBatch) -> Words:
    return _positions(*m.locations) | _under("count total", m.count) | _under("type locationtype", m.kind)


def _areas(*areas: Circle | Rectangle | SetPolygon) -> Words:
    words: Words = {}
    for names, values in (
        ("areaid id", [area.area_id for area in areas]),
        ("areaproperty attribute", [area.attributes for area in areas]),
        ("starttime", [area.period and area.period.start for area in areas]),
        ("endtime", [area.period and area.period.end for area in areas]),
        ("highestspeed maxspeed", [area.speed and area.speed.max_kmh for area in areas]),
        ("overspeedduration duration continuoustime", [area.speed and area.speed.duration_s for area in areas]),
        ("nightmaximumspeed nightmaxspeed maxspeedatnight", [area.speed and area.speed.night_kmh for area in areas]),
        ("areaname name", [area.name or None for area in areas]),
    ):
        words |= dict.fromkeys(names.split(), values)
    return words


def _raw(degrees: float) -> int:
    return round(abs(degrees) * 1e6)


def _circles(m: SetCircles) -> Words:
    words = _areas(*m.circles) | _under("settingareaproperty action type", m.setting)
    words |= _under("areacount", len(m.circles))
    words |= _under("centerpointlat lat latitude", *(_raw(c.center.lat_deg) for c in m.circles))
    words |= _under("centerpointlng lng longitude", *(_raw(c.center.lon_deg) for c in m.circles))
    words["radius"] = [c.radius_m for c in m.circles]
    return words


def _rectangles(m: SetRectangles) -> Words:
    areas = m.rectangles
    words = _areas(*areas) | _under("settingareaproperty action type", m.setting) | _under("areacount", len(areas))
    for names, values in (
        ("upleftpointlat lefttoplat latitudeul", [_raw(r.left_top.lat_deg) for r in areas]),
        ("upleftpointlng lefttoplng longitudeul", [_raw(r.left_top.lon_deg) for r in areas]),
        ("lowrightpointlat rightbottomlat latitudelr", [_raw(r.right_bottom.lat_deg) for r in areas]),
        ("lowrightpointlng rightbottomlng longitudelr", [_raw(r.right_bottom.lon_deg) for r in areas]),
    ):
        words |= dict.fromkeys(names.split(), values)
    return words


def _polygon(m: SetPolygon) -> Words:
    words = _areas(m)
    words |= _under("lat latitude", *(_raw(v.lat_deg) for v in m.vertices))
    words |= _under("lng longitude", *(_raw(v.lon_deg) for v in m.vertices))
    words["peakitems.count"] = (len(m.vertices),)
    return words


def _route(m: SetRoute) -> Words:
    words = (
        _under("routeid", m.route_id)
        | _under("routeproperty attribute", m.attributes)
        | _under("starttime", m.period and m.period.start)
        | _under("endtime", m.period and m.period.end)
        | _under("routename name", m.name or None)
        | _under("inflectionpointitems.count", len(m.points))
        | _under("id", m.route_id)
    )
    times = [p.driving_time for p in m.points]
    for names, values in (
        ("inflectionpointid items.id", [p.point_id for p in m.points]),
        ("sectionid items.routeid", [p.segment_id for p in m.points]),
        ("inflectionpointlat items.latitude", [_raw(p.place.lat_deg) for p in m.points]),
        ("inflectionpointlng items.longitude", [_raw(p.place.lon_deg) for p in m.points]),
        ("sectionwidth items.width", [p.width_m for p in m.points]),
        ("sectionproperty items.attribute", [p.attributes for p in m.points]),
        (
            "sectionlongdrivingthreshold items.upperlimit",
            [one and one.too_long_s for one in times],
        ),
        (
            "sectiondrivingunderthreshold items.lowerlimit",
            [one and one.too_short_s for one in times],
        ),
        ("sectionhighestspeed items.maxspeed", [p.speed and p.speed.max_kmh for p in m.points]),
        ("sectionoverspeedduration items.duration", [p.speed and p.speed.duration_s for p in m.points]),
        ("nightmaximumspeed items.nightmaxspeed", [p.speed and p.speed.night_kmh for p in m.points]),
    ):
        words |= dict.fromkeys(names.split(), values)
    return words


def _areas_reply(m: AreasReply) -> Words:
    words: Words = {}
    for area in m.areas:
        words |= words_of(area)
    words |= _under("querytype", m.kind)
    words["value.count"] = (m.count,)
    words["ids"] = [int.from_bytes(m.data[at : at + 4], "big") for at in range(0, len(m.data), 4)]
    return words


def _card(m: DriverCard) -> Words:
    return (
        _under("ic_card_status status", m.status)
        | _under("ic_card_plugdatetime datetime", m.time)
        | _under("ic_card_readresult cardstatus", m.result)
        | _under("driverusername name", m.name)
        | _under("qualificationcode licenseno cardcode", m.qualification)
        | _under("licenseissuing institution", m.issuer)
        | _under("certificateexpiresdate licensevalidperiod", m.valid_to)
        | _under("driveridentitycard idcard", m.licence)
    )


def _can(m: CanData) -> Words:
    words = _under("canitemcount total", m.count)
    hour, minute, second = (int(m.time[at : at + 2]) for at in (0, 2, 4))
    words |= _under("firstcanreceivetime", time(hour, minute, second, int(m.time[7:]) * 1_000))
    words |= _under("datetime", m.time[:6])
    words["canid"] = words["id"] = [item.id for item in m.items]
    words["candata"] = words["data"] = [item.data for item in m.items]
    return words


def _media_head(m: MediaEvent | MediaData) -> Words:
    return (
        _under("multimediaid id multimediadataid", m.media_id)
        | _under("multimediatype type", m.kind)
        | _under("multimediacodingformat format multimediaformatencode multimediaformatcode", m.format)
        | _under("eventitemcoding event eventitemencode eventitemcode", m.event)
        | _under("channelid", m.channel)
    )


def _media(m: MediaData) -> Words:
    words = _positions(*([m.location] if m.location else []))
    return words | _media_head(m) | _under("multimediadatapackage", m.data) | _under("packet", m.data.hex())


def _control(m: VehicleControl) -> Words:
    words = _under("controltypecount", len(m.items))
    words["controltypeid"] = [item.id for item in m.items]
    words["controltypeparameter"] = [int.from_bytes(item.value, "big") for item in m.items]
    words |= _under("type", m.flags if m.flags is not None else m.items[0].id)
    return words | _under("param", *(int.from_bytes(item.value, "big") for item in m.items))


def _indexes(m: RetransmitRequest) -> Words:
    return (
        _serial(m.first_serial)
        | _under("againpackagecount", len(m.indexes))
        | {"id": m.indexes}
        | _under("againpackagedata", b"".join(index.to_bytes(2, "big") for index in m.indexes))
    )


def _missing(m: MediaReply) -> Words:
    return (
        _under("multimediaid mediaid", m.media_id)
        | _under("retransmitpackagecount againpackagecount", len(m.missing))
        | {"id": m.missing}
        | _under("retransmitpackageids", b"".join(number.to_bytes(2, "big") for number in m.missing))
    )


def _track(m: Track) -> Words:
    return _under("interval timeinterval", m.interval_s) | _under(
        "locationtrackingvalidity validityperiod trackvalidity", m.validity_s
    )


def _text(m: Text) -> Words:
    return (
        _under("textinfo text content", m.text)
        | _under("textflag sign", m.flags)
        | _under("texttype type", m.kind or None)
    )


def _waybill(m: Waybill) -> Words:
    return _under("electronicwaybilllength", len(m.content.encode("gb18030"))) | _under("key_result", m.content)


def _transparent(m: TransparentUp) -> Words:
    return _under("passthroughtype", m.kind) | _under("passthroughcontent data", m.data.decode("latin-1"))


_WORDS: list[tuple[type[Message], Callable[..., Words]]] = [
    (TerminalReply, _reply),
    (Register, _register),
    (RegisterReply, _register_reply),
    (Authenticate, _authenticate),
    (SetParameters, _parameters),
    (ParametersReply, _parameters),
    (AttributesReply, _attributes),
    (Location, _location),
    (PositionReply, _answered),
    (VehicleControlReply, _answered),
    (LocationBatch, _batch),
    (SetCircles, _circles),
    (SetRectangles, _rectangles),
    (SetPolygon, _polygon),
    (SetRoute, _route),
    (AreasReply, _areas_reply),
    (DriverCard, _card),
    (CanData, _can),
    (MediaEvent, _media_head),
    (MediaData, _media),
    (VehicleControl, _control),
    (RetransmitRequest, _indexes),
    (MediaReply, _missing),
    (DeleteCircles, lambda m: {"id": m.ids, "areaids": m.ids, "areacount": (len(m.ids),)}),
    (
        QueryAreas,
        lambda m: _under("querytype type", m.kind) | {"id": m.ids, "ids": m.ids, "value.count": (len(m.ids),)},
    ),
    (QueryParameters, lambda m: {"id": m.ids} | _under("parametercount", len(m.ids))),
    (UpgradeResult, lambda m: _under("upgradetype type", m.kind) | _under("upgraderesult result", m.result)),
    (TimeReply, lambda m: _under("time", m.time)),
    (Track, _track),
    (ConfirmAlarm, lambda m: _serial(m.alarm_serial) | _under("type", m.alarm_flags)),
    (Text, _text),
    (Control, lambda m: _under("commandword command", m.command) | _under("parameter", m.arguments)),
    (RecorderData, lambda m: _serial(m.reply_serial) | _under("commandid", m.command)),
    (Waybill, _waybill),
    (TransparentUp, _transparent),
    (TerminalKey, lambda m: _under("e", m.exponent) | {"n": tuple(m.modulus)}),
]


def words_of(message: Message) -> Words:
    """Our values by the names of the sources; empty for messages without fields."""
    for kind, words in _WORDS:
        if isinstance(message, kind):
            return words(message)
    return {}
