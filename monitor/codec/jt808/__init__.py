"""JT/T 808 (terminal <-> platform), versions 2011, 2013 and 2019.

``stream`` turns a byte buffer into report columns in one compiled pass; ``plain`` decodes one frame into named fields
and is what the compiled pass is checked against; ``messages`` has every message in both directions; ``encode`` makes
position frames of report columns. Pure: no I/O, no clock. Every byte string decodes or raises ``CodecError``.
"""

from monitor.codec.jt808.encode import encode_location, encode_location_batch, encode_location_stream
from monitor.codec.jt808.header import Header, Version
from monitor.codec.jt808.messages import Message, RawMessage, decode_message, encode_frames, encode_message
from monitor.codec.jt808.messages.position import Location, LocationBatch
from monitor.codec.jt808.outcome import FRAME, FrameOutcome
from monitor.codec.jt808.parameters import number_parameter, parameter_value, text_parameter
from monitor.codec.jt808.plain import Frame, decode_frame
from monitor.codec.jt808.reassembly import Reassembler
from monitor.codec.jt808.stream import LocationDecode, decode_location_stream

__all__ = [
    "FRAME",
    "Frame",
    "FrameOutcome",
    "Header",
    "Location",
    "LocationBatch",
    "LocationDecode",
    "Message",
    "RawMessage",
    "Reassembler",
    "Version",
    "decode_frame",
    "decode_location_stream",
    "decode_message",
    "encode_frames",
    "encode_location",
    "encode_location_batch",
    "encode_location_stream",
    "encode_message",
    "number_parameter",
    "parameter_value",
    "text_parameter",
]
