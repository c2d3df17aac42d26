"""Compile, or load, everything that the first report would otherwise wait for."""

from __future__ import annotations

import numpy as np

from monitor.app.map_layers import RECORD_TYPES
from monitor.app.pipeline import Pipeline
from monitor.engine.engine import Engine
from monitor.engine.rule import Rule
from monitor.model.beijing import DAY_MS, EARLIEST_MS
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.map_set import MapLayer
from monitor.model.report import ReportBatch, empty_rows
from monitor.quality import judge
from monitor.sources.decode import decode_messages
from monitor.sources.intake import Codec, Feed, RawMessage

_JSON = b'[{"vehicle_id":"A","fix_time":"2020-01-01T00:00:00+08:00","lon":100,"lat":39,"speed_kmh":50}]'

_AROUND = b"[[99.9,38.9],[100.1,38.9],[100.1,39.1],[99.9,39.1],[99.9,38.9]]"
_LINE = b'"geometry":{"type":"LineString","coordinates":[[99.9,39],[100.1,39]]}'
_AREA = b'"geometry":{"type":"Polygon","coordinates":[' + _AROUND + b"]}"
_TIMES = b'"vehicle_id":"A","valid_from":"2000-01-01","valid_to":"2100-01-01"'
_MAPS = tuple(
    (layer, b'{"type":"FeatureCollection","features":[{"type":"Feature","id":"1",' + feature + b"}]}")
    for layer, feature in (
        (MapLayer.ROADS, b'"properties":{"limit_kmh":60},' + _LINE),
        (MapLayer.FENCES, b'"properties":{"kind":"depot"},' + _AREA),
        (MapLayer.PERMITS, b'"properties":{' + _TIMES + b"}," + _LINE),
    )
)
"""A map of each layer around the place of the two reports."""


def warm_up(rules: tuple[Rule, ...], codecs: tuple[Codec, ...]) -> None:
    """Run two reports and a tick through a pipeline of its own. Seconds after an installation, tenths after that."""
    for codec in codecs:
        payload = _JSON if codec is Codec.JSON else b"\x7e\x00\x7e"
        decode_messages(Feed("warm-up", "", codec), [RawMessage(payload, "", EARLIEST_MS)])
    rows = empty_rows(2)
    rows["key"] = 0
    rows["fix_ms"] = rows["recv_ms"] = np.array([EARLIEST_MS, EARLIEST_MS + 30_000], np.int64)
    rows["lon_deg"], rows["lat_deg"], rows["speed_dkmh"] = 100.0, 39.0, 500
    judge(rows, None)
    pipeline = Pipeline(Engine(rules))
    for layer, payload in _MAPS:
        pipeline.take(JournalRecord(1, RECORD_TYPES[layer], 0, payload=payload))
    pipeline.take(JournalRecord(1, RecordType.REPORTS, 0, ReportBatch(("A",), rows)))
    pipeline.take(JournalRecord(2, RecordType.TICK, EARLIEST_MS + 2 * DAY_MS))
    pipeline.engine.open_days()
