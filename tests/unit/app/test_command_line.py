"""The command line as a person meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.cli import run


def test_the_list_of_commands_is_in_the_language_of_the_locale(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert run(["-h"]) == 0
    shown = capsys.readouterr().out
    for name in ("run", "demo", "replay", "simulate", "score", "decode", "import", "check", "rules", "db", "version"):
        assert name in shown
    assert "启动服务" in shown


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["version", "--nonsense"], ["rules", "nonsense"]], ids=lambda one: " ".join(one)
)
def test_bad_usage_is_2_and_a_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert "nonsense" in capsys.readouterr().err


def test_version_names_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version"]) == 0
    assert capsys.readouterr().out.startswith("monitor ")


def test_check_names_key_and_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.toml"
    path.write_text("[http]\nprot = 1\n", "utf-8")
    assert run(["check", "--config", str(path)]) == 2
    assert "http.prot: no such setting" in capsys.readouterr().err
    assert run(["check", "--lang", "en"]) == 0
    assert "in order" in capsys.readouterr().out


def test_a_rule_prints_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "speeding", "--lang", "en"]) == 0
    assert "rules.speeding" in capsys.readouterr().out


def test_an_import_takes_all_rows_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = ["--state", str(tmp_path / "state"), "--lang", "en"]
    good = tmp_path / "good.csv"
    good.write_text("vehicle_id,plate,vehicle_class\nA1,测A00001,hazmat\n", "utf-8")
    bad = tmp_path / "bad.csv"
    bad.write_text("vehicle_id,plate,vehicle_class\nA2,测A00002,spaceship\n", "utf-8")
    assert run(["import", str(good), *state]) == 0
    assert "1 added" in capsys.readouterr().out
    assert run(["import", str(bad), *state]) == 1
    assert "1 rows refused" in capsys.readouterr().err
    assert run(["import", str(tmp_path / "none.csv"), *state]) == 1
    assert run(["db", "current", *state]) == 0


def test_a_wrong_date_is_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", "x.csv", "--effective", "soon", "--state", str(tmp_path)]) == 2
    assert "is no date" in capsys.readouterr().err
