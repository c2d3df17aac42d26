"""Reports as message payloads: JSON arrays in the canonical columns, or raw JT/T 808 frames."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from monitor.codec.json_report import encode_json
from monitor.codec.jt808.encode import encode_location_stream
from monitor.model.report import ReportBatch, ReportRows


class PayloadCodec(StrEnum):
    JSON = "json"
    JT808 = "jt808"


class PayloadWriter:
    """Writes payloads of slices of one batch; keeps the serial of each terminal between them.

    ``phones`` gives the terminal phone of each key of the batch (hex digits), for JT/T 808 only; a vehicle without
    one is written under a phone made of its position in the batch.
    """

    def __init__(self, batch: ReportBatch, codec: PayloadCodec, phones: dict[str, str]) -> None:
        self._batch = batch
        self._codec = codec
        self._phones = tuple(phones.get(key) or f"1999{i:08d}" for i, key in enumerate(batch.keys))
        self._serials = np.zeros(len(batch.keys), np.int64)

    def payload(self, rows: ReportRows) -> bytes:
        """One payload of some rows of the batch."""
        if self._codec is PayloadCodec.JT808:
            return encode_location_stream(rows, self._phones, 2013, serials=self._serials)
        return encode_json(ReportBatch(self._batch.keys, rows, self._batch.drivers, self._batch.sources))
