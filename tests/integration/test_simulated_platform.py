"""Simulated platforms: one against the other, and against scripted bytes, over real sockets."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest

from monitor.codec.jt809 import (
    Cipher,
    DownApplyStartupReply,
    DownDisconnectInform,
    DownLinkTest,
    DownManageSequences,
    DownPostQuery,
    DownRegisterReply,
    DownUrgeTodo,
    DownVehicleAdded,
    DownWaybillRequest,
    LoginResult,
    UpApplyStartup,
    UpLinkTest,
    UpPostQueryReply,
    UpRegister,
    UpUrgeTodoReply,
    UpVehicleAddedReply,
    UpWaybillReply,
    Version,
    car_pairs,
)
from monitor.model.exchange import Channel, HandlingResult
from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportRows, empty_rows, plate_key
from simulators.jt809.load import LoadPlan, run
from simulators.jt809.lower import SimulatedLower
from simulators.jt809.platform import NotConnectedError
from simulators.jt809.player import LowerPlayer
from simulators.jt809.script import LowerScript, UpperScript
from simulators.jt809.settings import PlatformSettings
from simulators.jt809.upper import SimulatedUpper
from simulators.run import simulate
from simulators.scenario import Scenario

pytestmark = pytest.mark.integration

START_MS = 1_772_460_000_000
PLATES, COLORS = ("测A00001", "测A00002"), (2, 1)
EDITIONS = list(Version)
CIPHER = Cipher(30_000_000, 20_000_000, 20_000_000)


def rows_of(n: int) -> ReportRows:
    rows = empty_rows(n)
    rows["key"] = np.arange(n) % 2
    rows["fix_ms"] = rows["recv_ms"] = START_MS + np.arange(n) * 10_000
    rows["lat_deg"], rows["lon_deg"] = 39.5, 99.8 + np.arange(n) * 0.001
    rows["speed_dkmh"], rows["status"], rows["alarm_flags"] = 600, 3, 0
    return rows


@asynccontextmanager
async def linked(
    settings: PlatformSettings, *, upper: UpperScript | None = None, lower: LowerScript | None = None
) -> AsyncIterator[tuple[SimulatedUpper, SimulatedLower]]:
    """Both sides, listening; nobody has logged in."""
    async with (
        SimulatedUpper(settings, upper) as above,
        SimulatedLower(replace(settings, port=above.port), lower) as below,
    ):
        yield above, below


@pytest.mark.parametrize("version", EDITIONS)
@pytest.mark.parametrize("encrypt", [False, True], ids=["plain", "encrypted"])
async def test_positions_go_up_and_questions_come_down(version: Version, encrypt: bool) -> None:
    settings = PlatformSettings(version=version, cipher=CIPHER, encrypt=encrypt)
    async with linked(settings) as (upper, lower):
        assert await lower.connect() == 0
        await upper.until_up(Channel.SUB)
        await lower.until_up(Channel.SUB)
        assert await lower.send_positions(rows_of(30), PLATES, COLORS) == 30
        await upper.until(lambda: upper.n_positions == 30)
        assert await lower.send_positions(rows_of(14), PLATES, COLORS, backfill=True) == 14
        await upper.until(lambda: upper.n_positions == 44)
        got = upper.positions()
        assert set(got.keys) == {plate_key("yellow", PLATES[0]), plate_key("blue", PLATES[1])}
        assert sorted(got.rows["fix_ms"][:30].tolist()) == rows_of(30)["fix_ms"].tolist()
        assert (got.rows["flags"][30:] & ReportFlag.BACKFILL).all()
        sns = np.concatenate([arrival.frames["sn"] for arrival in upper.batches])
        live = sns[: int(np.searchsorted(np.cumsum(np.ones(len(sns))), 30, side="right"))]
        assert (np.diff(live) == 1).all()
        upper.say(DownPostQuery(info_id=7, content="谁在岗？", answer_time=10))
        answer = await upper.expect(UpPostQueryReply)
        assert answer.content == "在岗"
        if version is Version.V2019:
            question = next(one for one in lower.received if isinstance(one.message, DownPostQuery))
            assert (answer.source_type, answer.source_sn) == (0x9301, question.sn)
        else:
            assert answer.info_id == 7
        upper.say(DownUrgeTodo(plate=PLATES[0], plate_color=2, supervision_id=5, source_type=0x1402, source_sn=3))
        await upper.expect(UpUrgeTodoReply, 2)
        results = [reply.result for reply in upper.all_of(UpUrgeTodoReply)]
        assert results == [HandlingResult.IN_PROGRESS, HandlingResult.DONE]
        upper.say(DownWaybillRequest(plate=PLATES[0], plate_color=2))
        assert "汽油" in (await upper.expect(UpWaybillReply)).content
        upper.say(DownVehicleAdded(plate=PLATES[0], plate_color=2))
        fields = dict(car_pairs((await upper.expect(UpVehicleAddedReply)).car_info))
        assert fields["VIN"] == PLATES[0]
        assert {arrival.channel for arrival in lower.received} == {Channel.MAIN, Channel.SUB}
        await lower.log_out()
        assert not upper.bad
        assert not lower.bad


@pytest.mark.parametrize(
    ("script", "result"),
    [
        (LowerScript(password="wrong"), LoginResult.BAD_PASSWORD),
        (LowerScript(user_id=9), LoginResult.UNKNOWN_USER),
        (LowerScript(access_code=9), LoginResult.BAD_ACCESS_CODE),
    ],
    ids=["password", "user", "access code"],
)
async def test_a_wrong_log_in_is_refused_and_closed(script: LowerScript, result: LoginResult) -> None:
    async with linked(PlatformSettings(), lower=script) as (upper, lower):
        assert await lower.connect() == result
        assert not lower.up(Channel.MAIN)
        await asyncio.sleep(0.05)
        assert not upper.up(Channel.MAIN)
        assert not upper.up(Channel.SUB)


async def test_a_scripted_result_is_given_whatever_the_log_in_says() -> None:
    async with linked(PlatformSettings(), upper=UpperScript(login_result=LoginResult.BUSY)) as (upper, lower):
        assert await lower.connect() == LoginResult.BUSY
        upper.script.login_result = None
        assert await lower.connect() == LoginResult.OK


async def test_a_sub_link_with_a_wrong_code_is_refused() -> None:
    async with linked(PlatformSettings(), upper=UpperScript(brings_verify_code=1)) as (upper, lower):
        assert await lower.connect() == 0
        await upper.until(lambda: any(arrival.channel is Channel.SUB for arrival in upper.received))
        assert not upper.up(Channel.SUB)


async def test_without_a_sub_link_everything_takes_the_main_link() -> None:
    async with linked(PlatformSettings(sub_link=False)) as (upper, lower):
        assert await lower.connect() == 0
        await upper.until_up(Channel.MAIN)
        upper.say(DownPostQuery(content="?"))
        await upper.expect(UpPostQueryReply)
        assert {arrival.channel for arrival in lower.received} == {Channel.MAIN}


async def test_a_sub_link_that_cannot_be_opened_is_told_on_the_main_link() -> None:
    settings = PlatformSettings()
    async with SimulatedUpper(settings) as upper:
        closed = replace(settings, port=upper.port, sub_link=False, down_port=9)
        async with SimulatedLower(closed) as lower:
            assert await lower.connect() == 0
            assert (await lower.expect(DownDisconnectInform)).error_code == 0


async def test_with_the_main_link_cut_the_sub_link_carries_both_ways_and_stays_when_it_is_back() -> None:
    async with linked(PlatformSettings()) as (upper, lower):
        await lower.connect()
        await lower.until_up(Channel.SUB)
        await upper.until_up(Channel.SUB)
        upper.cut(Channel.MAIN)
        await lower.until(lambda: not lower.up(Channel.MAIN))
        lower.main_is_broken()
        await lower.send_positions(rows_of(4), PLATES, COLORS)
        await upper.until(lambda: upper.n_positions == 4)
        assert {arrival.channel for arrival in upper.batches} == {Channel.SUB}
        sub = upper.channels[Channel.SUB]
        assert await lower.connect() == 0
        await lower.send_positions(rows_of(2), PLATES, COLORS)
        await upper.until(lambda: upper.n_positions == 6)
        assert upper.batches[-1].channel is Channel.MAIN
        assert upper.channels[Channel.SUB] is sub
        lower.cut()
        with pytest.raises(NotConnectedError):
            lower.say(UpLinkTest())


async def test_heartbeats_go_on_both_links_when_idle() -> None:
    async with linked(PlatformSettings(heartbeat_s=0.05)) as (upper, lower):
        await lower.connect()
        await upper.expect(UpLinkTest, 2)
        await lower.expect(DownLinkTest, 2)
        await upper.expect(UpLinkTest, 3)


async def test_bad_bytes_are_counted_and_stop_nothing() -> None:
    async with linked(PlatformSettings()) as (upper, lower):
        await lower.connect()
        for _ in range(5):
            lower.garbage()
            lower.bad_crc(UpLinkTest())
            lower.half(UpLinkTest())
        await lower.send_positions(rows_of(3), PLATES, COLORS)
        await upper.until(lambda: upper.n_positions == 3)
        assert upper.bad["bad_crc"] >= 5
        assert sum(upper.bad.values()) >= 15


async def test_a_silent_platform_answers_nothing() -> None:
    async with linked(PlatformSettings(timeout_s=0.2)) as (upper, lower):
        upper.silent = True
        with pytest.raises(TimeoutError):
            await lower.connect()


async def test_what_is_left_to_the_test_is_not_answered() -> None:
    async with linked(PlatformSettings()) as (upper, lower):
        lower.by_hand.add(DownPostQuery)
        await lower.connect()
        await upper.until_up(Channel.MAIN)
        upper.say(DownPostQuery(info_id=1, content="?"))
        await lower.expect(DownPostQuery)
        assert not upper.all_of(UpPostQueryReply)
        asked = next(one for one in lower.received if isinstance(one.message, DownPostQuery))
        lower.answer_inquiry(asked, "到")
        assert (await upper.expect(UpPostQueryReply)).content == "到"


async def test_applications_and_registrations_are_answered_by_number() -> None:
    async with linked(PlatformSettings()) as (upper, lower):
        await lower.connect()
        await lower.expect(DownManageSequences)
        number = lower.say(UpRegister(plate=PLATES[0], plate_color=2, phone="013900000001"))
        assert (await lower.expect(DownRegisterReply)).source_sn == number
        number = lower.say(UpApplyStartup(plate=PLATES[0], plate_color=2))
        reply = await lower.expect(DownApplyStartupReply)
        assert (reply.source_type, reply.source_sn) == (0x1207, number)
        assert not upper.bad


@pytest.mark.parametrize("version", EDITIONS)
async def test_a_scenario_is_driven_and_what_came_due_during_an_outage_is_made_up(version: Version) -> None:
    simulation = simulate(Scenario(vehicles=6, days=1, seed=3))
    async with linked(PlatformSettings(version=version)) as (upper, lower):
        player = LowerPlayer(lower, simulation.batch, simulation.registry, speed=86_400 / 2)
        playing = asyncio.create_task(player.play())
        await upper.until(lambda: upper.n_positions > 100)
        upper.cut()
        async with asyncio.timeout(20):
            await playing
        assert player.done
        assert player.backfilled
        got = upper.positions()
        sent = set(simulation.batch.rows["fix_ms"].tolist())
        assert len(set(got.rows["fix_ms"].tolist()) & sent) > 0.9 * len(sent)
        assert len(upper.all_of(UpRegister)) >= 6


@pytest.mark.parametrize(("password", "status"), [("sim-pass", 0), ("wrong", 1)], ids=["let in", "refused"])
async def test_the_command_drives_a_scenario_as_a_platform(password: str, status: int) -> None:
    async with SimulatedUpper(PlatformSettings()) as upper:
        url = f"jt809://1001@127.0.0.1:{upper.port}?access_code=620724"
        arguments = ["--vehicles", "6", "--days", "1", "--to", url, "--speed", "80000", "--lang", "en"]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from monitor.cli import main; main()",
            "simulate",
            *arguments,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "VDM_JT809_PASSWORD": password},
        )
        _, said = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == status, said.decode()
        assert (upper.n_positions > 1_000) == (status == 0)
        assert ("positions sent" in said.decode()) == (status == 0)


async def test_raw_load_arrives_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VDM_JT809_PASSWORD", "sim-pass")
    async with SimulatedUpper(PlatformSettings(sub_link=False)) as upper:
        result = await run(LoadPlan(port=upper.port, vehicles=50, per_s=0, at_most_per_s=1_000, seconds=2))
        assert result.sent == upper.n_positions == 2_000
        assert len(upper.positions().keys) == 50
