"""Settings of links and the judgement of log-ins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.codec.jt809 import Version
from monitor.errors import ConfigError
from monitor.sources.jt809.login import Credentials, Refusals, Verdict, judge, refused_because, result_code
from monitor.sources.jt809.settings import Jt809LinkSettings

SECRET = "pass-123"


def link(**more: Any) -> Jt809LinkSettings:
    base = {"name": "city", "role": "upper", "access_code": 1, "user_id": 2, "password": SECRET}
    return Jt809LinkSettings.model_validate(base | more)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"password_env": "X"}, id="two passwords"),
        pytest.param({"encrypt": True}, id="encryption without parameters"),
        pytest.param({"cipher": {"m1": 2**32, "ia1": 1, "ic1": 1}}, id="a parameter above 32 bits"),
        pytest.param({"cipher": {"m1": "x", "ia1": 1, "ic1": 1}}, id="a parameter that is no number"),
        pytest.param({"role": "lower"}, id="a lower without the upper's port"),
        pytest.param({"allowed_addresses": ["host"]}, id="an address that is none"),
        pytest.param({"heartbeat_s": 60, "dead_s": 60}, id="dead before the heartbeat"),
        pytest.param({"access_code": 2**32}, id="access code too large"),
        pytest.param({"version": 2013}, id="no such edition"),
        pytest.param({"name": "two words"}, id="a name with a blank"),
        pytest.param({"version_flag": [1, 2, 256]}, id="no byte"),
    ],
)
def test_what_cannot_be_is_refused_without_showing_a_secret(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        link(**more)
    assert SECRET not in str(refused.value)


def test_secrets_are_never_shown() -> None:
    settings = link(cipher={"m1": 30_000_001, "ia1": 20_000_002, "ic1": "20000003"})
    assert settings.cipher is not None
    assert settings.cipher.numbers() == (30_000_001, 20_000_002, 20_000_003)
    for secret in (SECRET, "30000001", "20000002", "20000003"):
        assert secret not in repr(settings)
        assert secret not in settings.model_dump_json()


@pytest.mark.parametrize("stated", [2011, "2011", Version.V2011], ids=["number", "text", "member"])
def test_the_edition_may_be_written_either_way(stated: object) -> None:
    assert link(version=stated).version is Version.V2011


def test_a_password_may_be_kept_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LINK_PASSWORD", "from-env")
    assert link(password=None, password_env="LINK_PASSWORD").secret() == "from-env"
    (tmp_path / "secret").write_text("file-pw\n")
    assert link(password=None, password_file=tmp_path / "secret").secret() == "file-pw"


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"password": None, "password_env": "NO_SUCH_VARIABLE"}, id="no such variable"),
        pytest.param({"password": None, "password_file": "/nonexistent/secret"}, id="no such file"),
        pytest.param({"password": "more than eight"}, id="longer than the field"),
    ],
)
def test_a_password_not_to_be_had_is_said_without_showing_it(more: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        link(**more).secret()
    assert "more than" not in str(refused.value)


@pytest.mark.parametrize(
    ("allowed", "address", "expected"),
    [
        pytest.param([], "203.0.113.9", True, id="no list"),
        pytest.param(["203.0.113.9"], "203.0.113.9", True, id="named"),
        pytest.param(["203.0.113.0/24"], "203.0.113.9", True, id="in a network"),
        pytest.param(["203.0.113.0/24"], "::ffff:203.0.113.9", True, id="mapped into IPv6"),
        pytest.param(["203.0.113.0/24"], "198.51.100.1", False, id="another"),
        pytest.param(["2001:db8::/32"], "203.0.113.9", False, id="of the other family"),
        pytest.param(["203.0.113.0/24"], "", False, id="unknown"),
    ],
)
def test_addresses(allowed: list[str], address: str, expected: bool) -> None:
    assert link(allowed_addresses=allowed).allows(address) is expected


GOOD = Credentials((1,), 2, SECRET)


@pytest.mark.parametrize(
    ("stated", "address", "verdict", "code"),
    [
        pytest.param(GOOD, "10.0.0.1", Verdict.ACCEPTED, 0, id="all right"),
        pytest.param(GOOD, "10.0.1.1", Verdict.ADDRESS, 1, id="address"),
        pytest.param(Credentials((1, 9), 2, SECRET), "10.0.0.1", Verdict.ACCESS_CODE, 2, id="access code of the body"),
        pytest.param(Credentials((1,), 3, SECRET), "10.0.0.1", Verdict.USER, 3, id="user"),
        pytest.param(Credentials((1,), 2, "PASS-123"), "10.0.0.1", Verdict.PASSWORD, 4, id="password"),
        pytest.param(Credentials((1,), 2, "�"), "10.0.0.1", Verdict.PASSWORD, 4, id="a password of no letters"),
        pytest.param(Credentials((9,), 3, ""), "1.1.1.1", Verdict.ADDRESS, 1, id="everything: the first code counts"),
    ],
)
def test_verdicts_and_their_codes(stated: Credentials, address: str, verdict: Verdict, code: int) -> None:
    settings = link(allowed_addresses=["10.0.0.0/24"])
    assert judge(settings, SECRET, stated, address) is verdict
    assert result_code(verdict, Version.V2011) == code


def test_other_has_a_code_of_its_own_in_each_edition() -> None:
    assert result_code(Verdict.VERSION, Version.V2011) == 6
    assert result_code(Verdict.VERSION, Version.V2019) == 0xFF
    assert refused_because(4) == "password"
    assert refused_because(0xFF) == "other (255)"


def test_refusals_are_told_once_and_then_every_hundredth_time() -> None:
    refusals = Refusals()
    told = [n for n in range(1, 251) if refusals.count("10.0.0.1", "password")]
    assert told == [1, 100, 200]
    assert refusals.count("10.0.0.2", "password") == 1
