"""``monitor explain``: an alarm's evidence for a person, from the store or from a replay's file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from monitor.cli import run
from monitor.model.alarm import Transition
from monitor.model.beijing import iso
from monitor.model.evidence import (
    AlarmEvidence,
    Around,
    Clocks,
    Evidence,
    FrameForm,
    LimitFacts,
    RawFrame,
    RuleInForce,
    RunStretch,
    SeenReport,
    Uncertainty,
)
from monitor.store.alarm_store import AlarmStore
from monitor.store.database import open_database
from monitor.store.schema import upgrade
from tests.integration.test_store_evidence import ID, alarm, step
from tests.traces import START_MS


def stretch(kind: str, from_min: int, to_min: int) -> RunStretch:
    begin, end = (iso(START_MS + minute * 60_000) for minute in (from_min, to_min))
    return RunStretch(kind, begin, end, float(to_min - from_min), 0.0 if kind == "stop" else 30.0)


FATIGUE_ID = "0d6c3a52-0000-5000-8000-000000000001"
FATIGUE = AlarmEvidence(
    {
        **alarm().record(),
        "alarm_id": FATIGUE_ID,
        "rule": "fatigue",
        "kind": "day",
        "peak": 4.5,
        "limit": 4.0,
        "onset": iso(START_MS),
        "end": iso(START_MS + 1_800_000),
        "end_reason": "condition_over",
        "state": "cleared",
    },
    (
        Evidence(
            alarm_id=FATIGUE_ID,
            sequence=1,
            transition=Transition.RAISED,
            clocks=Clocks(iso(START_MS + 1_000), iso(START_MS), iso(START_MS + 1_000)),
            grade="general",
            certainty="suspected",
            rule=RuleInForce("fatigue", "0123456789ab", "1.0", {"rest_s": 900.0}, ("rest_s",)),
            limit=LimitFacts(4.0, "h"),
            around=Around.BEGIN,
            reports=(
                SeenReport(iso(START_MS - 30_000), 100.0, 39.0, 71.5, acc=True),
                SeenReport(iso(START_MS), 100.01, 39.0, 70.0, acc=True, delay_s=1.0),
                SeenReport(iso(START_MS + 30_000), 101.0, 39.0, outcome="drift", flaws=("altitude",)),
            ),
            quality={"drift": 1, "altitude": 1},
            uncertainty=Uncertainty(30.0, 30.0),
            run=(stretch("drive", -250, -125), stretch("stop", -125, -118), stretch("drive", -118, 30)),
            frames=(
                RawFrame(
                    iso(START_MS), iso(START_MS + 1_000), "terminals", FrameForm.JT808, 40, "7E" + "AB" * 38 + "7E"
                ),
                RawFrame(
                    iso(START_MS), iso(START_MS + 2_000), "broker", FrameForm.JSON, 9_000, text="{}", truncated=True
                ),
            ),
            frames_gone=3,
        ),
    ),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "evidence.jsonl"
    path.write_bytes(msgspec.json.encode(FATIGUE) + b"\n")
    return path


def test_a_page_in_chinese(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", FATIGUE_ID, "--from", str(file), "--lang", "zh"]) == 0
    page = capsys.readouterr().out
    for text in (
        "疲劳驾驶 日间 · 一般",
        "甘G00001 V1 危货车",
        "最大 4.5 小时，限值 4 小时，超出 0.5 小时 (12%)",
        "03-02 03:50–05:55  行驶  125 分钟  30.0 km",
        "      05:55–06:02  停车  7 分钟",
        "◆  08:00:00",
        "漂移点，未采用 高程超范围",
        "开始 ±30 秒（与前一条报告的间隔）",
        "rules.fatigue.rest_s = 900.0（默认 1200.0）",
    ):
        assert text in page


def test_a_page_in_english(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", FATIGUE_ID, "--from", str(file), "--lang", "en"]) == 0
    page = capsys.readouterr().out
    assert "peak 4.5 h, limit 4 h, over by 0.5 h" in page
    assert "05:55–06:02  standing  7 min" in page
    assert "begin ±30 s (since the report before)" in page


def test_frames_are_short_until_all_of_them_is_asked_for(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", FATIGUE_ID, "--from", str(file), "--lang", "zh"]) == 0
    page = capsys.readouterr().out
    assert "  08:00:00  收到 08:00:01  terminals JT/T 808  40 字节  7EABABABABABABABABABABAB…ABAB7E\n" in page
    assert "broker JSON  9000 字节  有截断  {}" in page
    assert "3 条报告的原始报文已不再保存" in page
    assert run(["explain", FATIGUE_ID, "--from", str(file), "--lang", "en", "--raw"]) == 0
    assert f"\n  7E{'AB' * 38}7E\n" in capsys.readouterr().out


def test_an_unknown_id_is_a_sentence(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", ID, "--from", str(file), "--lang", "en"]) == 1
    assert f"There is no alarm {ID} in {file}." in capsys.readouterr().err


def test_a_file_that_is_no_evidence_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(f'{{"alarm_id": "{ID}"}}\n', encoding="utf-8")
    assert run(["explain", ID, "--from", str(path)]) == 1
    assert "line 1 is no evidence" in capsys.readouterr().err
    assert run(["explain", ID, "--from", str(tmp_path / "missing.jsonl")]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_a_page_from_the_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "monitor.toml"
    config.write_text(f'state_folder = "{tmp_path / "state"}"\n', encoding="utf-8")
    assert run(["explain", ID, "--config", str(config)]) == 1
    assert "there is no state folder" in capsys.readouterr().err
    (tmp_path / "state").mkdir()
    url = f"sqlite:///{tmp_path / 'state' / 'monitor.db'}"
    upgrade(url)
    database = open_database(url)
    AlarmStore(database, lambda: START_MS).commit(step(1, Transition.RAISED))
    database.close()
    assert run(["explain", ID, "--config", str(config), "--lang", "zh"]) == 0
    page = capsys.readouterr().out
    assert "路段限速，路段 G30 连霍高速 [S1]，测于 张三" in page
    assert run(["explain", ID, "--config", str(config), "--json"]) == 0
    assert (
        msgspec.json.decode(capsys.readouterr().out, type=AlarmEvidence).evidence == step(1, Transition.RAISED).evidence
    )
