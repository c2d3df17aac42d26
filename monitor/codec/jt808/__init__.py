"""JT/T 808 (terminal <-> platform), versions 2011, 2013 and 2019: position messages 0x0200 and 0x0704.

``stream`` turns a byte buffer into report columns in one compiled pass; ``plain`` decodes one frame into named fields
and is what the compiled pass is checked against; ``encode`` goes the other way.
"""

from monitor.codec.jt808.encode import encode_location, encode_location_batch, encode_location_stream
from monitor.codec.jt808.outcome import FRAME, FrameOutcome
from monitor.codec.jt808.plain import Frame, Location, LocationBatch, decode_frame
from monitor.codec.jt808.reassembly import Reassembler
from monitor.codec.jt808.stream import LocationDecode, decode_location_stream

__all__ = [
    "FRAME",
    "Frame",
    "FrameOutcome",
    "Location",
    "LocationBatch",
    "LocationDecode",
    "Reassembler",
    "decode_frame",
    "decode_location_stream",
    "encode_location",
    "encode_location_batch",
    "encode_location_stream",
]
