"""Authentication codes and where their secret is kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from monitor.errors import ConfigError
from monitor.sources.jt808.auth import AuthCodes, load_secret

CODES = AuthCodes(b"s" * 32)


def test_a_code_is_bound_to_its_phone_and_generation() -> None:
    code = CODES.code("13912345678", 0)
    assert CODES.right("13912345678", 0, code)
    assert CODES.right("13912345678", 0, f" {code}\0 ".strip("\0 "))
    assert not CODES.right("13912345679", 0, code)
    assert not CODES.right("13912345678", 1, code)
    assert not AuthCodes(b"t" * 32).right("13912345678", 0, code)


def test_a_code_is_sixteen_letters_and_digits() -> None:
    code = CODES.code("f", 7)
    assert len(code) == 16
    assert code.isascii()
    assert code.isalnum()


@pytest.mark.parametrize("presented", ["", "鉴权码", "\udc80", "13912345678"])
def test_what_is_no_code_is_wrong(presented: str) -> None:
    assert not CODES.right("13912345678", 0, presented)


def test_the_secret_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "jt808.key"
    secret = load_secret(path)
    assert len(secret) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_secret(path) == secret
    assert [entry.name for entry in path.parent.iterdir()] == ["jt808.key"]


def test_a_secret_that_others_can_read_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "jt808.key"
    secret = load_secret(path)
    path.chmod(0o644)
    load_secret(path)
    assert "can be read by others" in caplog.text
    assert secret.hex() not in caplog.text


@pytest.mark.parametrize("content", ["", "00ff", "no hex at all"])
def test_a_secret_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "jt808.key"
    path.write_text(content)
    with pytest.raises(ConfigError, match="key_file"):
        load_secret(path)
