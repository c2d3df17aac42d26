"""Compiled code is loaded, or compiled, before the first terminal waits for it."""

from __future__ import annotations

import numpy as np

from monitor.codec.jt808 import FRAME, decode_location_stream
from monitor.codec.jt808.replies import encode_replies
from monitor.sources.jt808.lines import LINE


def warm_up() -> None:
    """Decode and answer one frame that means nothing, with arrays as the server has them."""
    decode_location_stream(b"\x7e\x02\x00\x7e", final=True)
    nought = np.zeros(1, np.int64)
    encode_replies(np.zeros(1, FRAME), nought, nought, np.zeros(1, LINE)["serial"])
