"""Alarm and status bits by name and edition."""

from __future__ import annotations

import pytest

from monitor.codec.jt808.alarm_bits import (
    CONFIRMABLE,
    DEFINED,
    Clearing,
    alarm_meanings,
    alarm_names,
    reserved_bits,
)
from monitor.codec.jt808.header import Version
from monitor.codec.jt808.status_bits import Load, StatusBit, load_of, status_names
from monitor.model.alarm_bits import ALARM_BITS, AlarmBit, alarm_bits, alarm_word

ALL = 0xFFFF_FFFF


def test_bit_zero_is_the_least_significant() -> None:
    assert [name.bit for name in ALARM_BITS] == list(range(32))
    assert alarm_bits(1) == (AlarmBit.EMERGENCY,)
    assert alarm_word(AlarmBit.SPEEDING, AlarmBit.ILLEGAL_DOOR) == 0x8000_0002
    assert alarm_bits(-1) == ()
    assert alarm_word(*alarm_bits(ALL)) == ALL


@pytest.mark.parametrize("version", list(Version))
def test_each_edition_names_the_bits_it_defines(version: Version) -> None:
    named = alarm_names(ALL, version)
    assert alarm_word(*named) == DEFINED[version]
    assert reserved_bits(ALL, version) == ALL & ~DEFINED[version]
    assert tuple(alarm_meanings(version)) == named
    assert all(meaning.title for meaning in alarm_meanings(version).values())


def test_what_an_answer_clears_is_of_the_edition() -> None:
    cleared = {
        version: {bit.bit for bit, meaning in alarm_meanings(version).items() if meaning.clearing is Clearing.ON_ANSWER}
        for version in Version
    }
    assert cleared[Version.V2011] == {0, 3, 20, 21, 22, 27, 28}
    assert cleared[Version.V2013] == {0, 3, 20, 21, 22, 27, 28, 31}
    assert cleared[Version.V2019] == {0, 20, 21, 22, 27, 28}
    assert sum(1 << bit for bit in cleared[Version.V2011]) == CONFIRMABLE


def test_a_bit_may_mean_something_else_in_2019() -> None:
    titles = [alarm_meanings(version)[AlarmBit.DANGER_WARNING].title for version in Version]
    assert titles == ["预警", "危险预警", "危险驾驶行为报警"]


@pytest.mark.parametrize(
    ("word", "version", "names"),
    [
        pytest.param(0x004C_0003, Version.V2019, ["acc_on", "positioned", "gps", "beidou", "moving"], id="2019"),
        pytest.param(0x004C_0003, Version.V2013, ["acc_on", "positioned", "gps", "beidou"], id="reserved before 2019"),
        pytest.param(0x0000_2003, Version.V2011, ["acc_on", "positioned"], id="doors have no bit in 2011"),
        pytest.param(0x0000_1C3C, Version.V2011, ["south", "west", "out_of_operation", "encrypted_coordinates",
                     "oil_cut", "electricity_cut", "doors_locked"], id="the bits of 2011"),
    ],
)  # fmt: skip
def test_status_bits_by_name(word: int, version: Version, names: list[str]) -> None:
    assert list(status_names(word, version)) == names


def test_the_load_is_two_bits() -> None:
    assert [load_of(load << 8).word for load in range(4)] == ["empty", "half", "reserved", "full"]
    assert load_of(0x0300) is Load.FULL
    assert not any(bit.mask & 0x0300 for bit in StatusBit)
    assert all(bit.chinese for bit in StatusBit)
