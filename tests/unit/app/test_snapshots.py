"""A snapshot that cannot be written is no trouble: said once, tried again later."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import cast

import pytest

from monitor.app import snapshot_state
from monitor.app.core_settings import CoreSettings
from monitor.app.detection import Detection
from monitor.app.live_pipeline import LivePipeline
from monitor.app.metrics import Metrics
from monitor.app.snapshots import Snapshots
from monitor.app.state_folder import StateFolder
from monitor.errors import StoreError
from monitor.store.free_space import Reserve


class _Detection:
    def __init__(self) -> None:
        self.at_rest = asyncio.Lock()
        self.committed_offset = 7


def _snapshots(folder: Path, metrics: Metrics, reserve: Reserve | None = None) -> Snapshots:
    live, detection = cast(LivePipeline, None), cast(Detection, _Detection())
    known = snapshot_state.Known
    return Snapshots(live, detection, StateFolder(folder), metrics, CoreSettings(), lambda: 1, known, reserve)


async def test_a_full_disk_is_said_once_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics([], [], [])
    snapshots = _snapshots(tmp_path, metrics)
    full = True

    def write(folder: Path, state: object) -> Path:
        if full:
            raise StoreError(reason="No space left on device")
        path = folder.with_name("snapshot")
        path.write_bytes(b"x")
        return path

    monkeypatch.setattr(snapshot_state, "save", lambda *_: None)
    monkeypatch.setattr(snapshot_state, "write", write)
    for _ in range(3):
        await snapshots.write()
    assert metrics.registry.get_sample_value("vdm_write_failures_total", {"stage": "snapshot"}) == 3
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
    full = False
    await snapshots.write()
    assert metrics.registry.get_sample_value("vdm_snapshot_size_bytes") == 1


async def test_it_leaves_the_reserve_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics([], [], [])
    reserve = Reserve(tmp_path, 1_000)
    monkeypatch.setattr(reserve, "free_bytes", lambda: 999)
    monkeypatch.setattr(snapshot_state, "save", lambda *_: pytest.fail("it takes room that is kept back"))
    await _snapshots(tmp_path, metrics, reserve).write()
    assert metrics.registry.get_sample_value("vdm_write_failures_total", {"stage": "snapshot"}) == 1
