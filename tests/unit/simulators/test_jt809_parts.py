"""Parts of the simulated platforms, without a socket."""

from __future__ import annotations

import pytest

from monitor.codec.jt809 import Cipher, DownLinkTest, UpConnectRequest, Version, decode_frame
from monitor.errors import ConfigError
from simulators.jt809.counters import Counters
from simulators.jt809.settings import PlatformSettings
from simulators.jt809.upper import SimulatedUpper
from simulators.target import TerminalTarget, link_target_of


def test_numbers_run_per_platform_in_2011_and_per_sub_type_in_2019() -> None:
    older, newer = Counters(Version.V2011), Counters(Version.V2019)
    kinds = (0x1202, 0x1202, 0x1401, 0x1202)
    assert [older.take(kind) for kind in kinds] == [0, 1, 2, 3]
    assert [newer.take(kind) for kind in kinds] == [0, 1, 0, 2]
    assert newer.last() == {0x1202: 2, 0x1401: 0}


def test_many_numbers_are_taken_at_once() -> None:
    counters = Counters(Version.V2019)
    assert counters.take(0x1202, 500) == 0
    assert counters.take(0x1202) == 500


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("encrypt", [False, True], ids=["plain", "encrypted"])
def test_a_frame_says_what_was_settled(version: Version, encrypt: bool) -> None:
    settings = PlatformSettings(version=version, cipher=Cipher(3, 5, 7), encrypt=encrypt)
    frame = decode_frame(SimulatedUpper(settings).frame(DownLinkTest(), 9), version, settings.cipher)
    assert (frame.header.sn, frame.header.access_code) == (9, settings.access_code)
    assert frame.header.encrypted is encrypt
    assert isinstance(frame.message, DownLinkTest)


@pytest.mark.parametrize(
    ("request_", "result"),
    [
        (UpConnectRequest(user_id=1001, password="sim-pass", access_code=620_724), 0),
        (UpConnectRequest(user_id=1001, password="sim-pass", access_code=1), 2),
        (UpConnectRequest(user_id=1, password="sim-pass", access_code=620_724), 3),
        (UpConnectRequest(user_id=1001, password="other", access_code=620_724), 4),
    ],
    ids=["right", "access code", "user", "password"],
)
def test_a_log_in_gets_the_result_of_the_standard(request_: UpConnectRequest, result: int) -> None:
    assert SimulatedUpper(PlatformSettings()).login_result(request_) == result


def test_settings_show_no_password_and_no_key() -> None:
    shown = repr(PlatformSettings(password="hidden!", cipher=Cipher(11_111, 22_222, 33_333)))
    assert "hidden" not in shown
    assert "11111" not in shown


def test_addresses_of_servers_and_platforms_are_read() -> None:
    assert link_target_of("jt808://127.0.0.1", {}) == TerminalTarget("127.0.0.1", 6808)
    environment = {"VDM_JT809_PASSWORD": "from-env", "VDM_JT809_CIPHER": "1,2,3"}
    settings = link_target_of("jt809://77@127.0.0.1:7000?access_code=5&version=2011&down_port=7001", environment)
    assert isinstance(settings, PlatformSettings)
    assert (settings.user_id, settings.access_code, settings.port, settings.down_port) == (77, 5, 7000, 7001)
    assert settings.version is Version.V2011
    assert settings.password == "from-env"
    assert settings.encrypt
    assert settings.cipher == Cipher(1, 2, 3)


@pytest.mark.parametrize(
    "url",
    [
        "mqtt://127.0.0.1",
        "jt808://",
        "jt808://127.0.0.1:70000",
        "jt809://127.0.0.1?access_code=1",
        "jt809://1@127.0.0.1",
        "jt809://1@127.0.0.1?access_code=x",
        "jt809://1@127.0.0.1?access_code=1&version=2013",
        "jt809://1@127.0.0.1?access_code=1&colour=red",
    ],
)
def test_an_address_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        link_target_of(url, {})
