"""``monitor simulate`` and ``monitor score`` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from click import unstyle
from typer.testing import CliRunner

from monitor.cli.score import score_command
from monitor.cli.simulate import simulate_command

SMALL = ["--preset", "demo", "--vehicles", "8", "--days", "1", "--seed", "3", "--lang", "en"]


@pytest.fixture
def program() -> typer.Typer:
    program = typer.Typer()
    program.command("simulate")(simulate_command)
    program.command("score")(score_command)
    return program


def test_a_folder_gets_tracks_registry_and_truth(program: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(program, ["simulate", *SMALL, "--out", str(tmp_path / "sim"), "--format", "csv"])
    assert result.exit_code == 0, result.output
    assert {path.name for path in (tmp_path / "sim").iterdir()} == {"tracks.csv", "registry.csv", "truth.jsonl"}


def test_truth_scored_against_itself_is_perfect(program: typer.Typer, tmp_path: Path) -> None:
    CliRunner().invoke(program, ["simulate", *SMALL, "--out", str(tmp_path)])
    rows = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()]
    alarms = tmp_path / "alarms.jsonl"
    alarms.write_text("".join(json.dumps(row) + "\n" for row in rows if row["expected"]), encoding="utf-8")
    result = CliRunner().invoke(program, ["score", str(tmp_path / "truth.jsonl"), str(alarms), "--json"])
    assert result.exit_code == 0, result.output
    total = json.loads(result.stdout)["total"]
    assert total["precision"] == total["recall"] == 1.0
    assert total["expected"] > 0


@pytest.mark.parametrize(("lang", "word"), [("zh", "合计"), ("en", "total")])
def test_the_table_speaks_both_languages(program: typer.Typer, tmp_path: Path, lang: str, word: str) -> None:
    row = {"vehicle_id": "A", "rule": "speeding", "onset": "2026-03-02T08:00:00+08:00"}
    (tmp_path / "truth.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (tmp_path / "alarms.jsonl").write_text("", encoding="utf-8")
    files = [str(tmp_path / "truth.jsonl"), str(tmp_path / "alarms.jsonl")]
    result = CliRunner().invoke(program, ["score", *files, "--lang", lang])
    assert result.exit_code == 0
    assert word in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate"],
        ["simulate", "--out", "x", "--preset", "perfect"],
        ["simulate", "--out", "x", "--vehicles", "0"],
        ["simulate", "--out", "x", "--mqtt", "http://nowhere"],
    ],
    ids=["nowhere to write", "no such preset", "no vehicles", "no broker address"],
)
def test_bad_usage_is_exit_2_and_a_sentence(
    program: typer.Typer, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(program, arguments)
    assert result.exit_code == 2
    assert result.output.strip()
    assert not list(tmp_path.iterdir())


def test_an_unreadable_file_is_exit_1_and_a_sentence(program: typer.Typer, tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.jsonl")
    result = CliRunner().invoke(program, ["score", absent, absent])
    assert result.exit_code == 1
    assert "absent.jsonl" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--to", "http://127.0.0.1"],
        ["--to", "jt808://127.0.0.1", "--misbehave", "rubbish"],
        ["--to", "jt808://127.0.0.1", "--mqtt", "mqtt://127.0.0.1"],
        ["--to", "jt809://127.0.0.1"],
    ],
    ids=["no such protocol", "no such misbehaviour", "two targets", "no access code"],
)
def test_a_link_that_cannot_be_is_bad_usage(program: typer.Typer, arguments: list[str]) -> None:
    assert CliRunner().invoke(program, ["simulate", *SMALL, *arguments]).exit_code == 2


def test_the_help_names_the_links_in_both_languages(program: typer.Typer) -> None:
    environment = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    shown = unstyle(CliRunner().invoke(program, ["simulate", "--help"], env=environment).output)
    for word in ("--to", "--connections", "--misbehave", "jt808://", "jt809://", "终端", "下级平台"):
        assert word in shown
