"""Codecs: bytes <-> messages, no I/O and no clock.

Every byte string either decodes or gives a stable reason; one bad frame or report never stops its neighbours. Decoders
return ``model.report`` columns and leave the judgement of values to ``monitor.quality``. May import ``monitor.model``
and ``monitor.errors``.
"""
