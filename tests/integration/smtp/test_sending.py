"""The sender against far ends on real sockets: what is told about each message, and what the far end has."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from central.adapters.smtp.channel import SmtpRelay
from central.adapters.smtp.config import RelayConfig
from central.adapters.system import SystemClock
from central.application.ports.carriers import LinkMoved, NotSent, NotTaken, Taken, Uncertain
from tests.fakes.reach import loopback_reach
from tests.integration.smtp.relays import Box, ScriptedRelay, certificates, letter, real_server, scripted, sending


async def test_a_batch_goes_over_few_connections_in_full() -> None:
    async with scripted(ScriptedRelay()) as far, sending(far.port) as ours:
        await ours.up()
        answers = await ours.send(*(letter(n) for n in range(200)))
        assert {one.id for one in answers} == {letter(n).id for n in range(200)}
        assert all(one.answer == Taken("Q1") and one.stage == "dot" for one in answers)
        assert sorted(to for to, _ in far.taken) == sorted(letter(n).recipient for n in range(200))
        assert far.taken[0][1].endswith(b"\r\n..hello\r\n.\r\n")
        assert far.connections <= 2
        assert ours.relay.room() == 4


async def test_a_550_in_the_middle_of_a_pipelined_batch_touches_nobody_else() -> None:
    def at(verb: str, argument: str, _connection: int) -> str | None:
        return "550 5.1.1 no such user" if verb == "rcpt" and "p7@" in argument else None

    async with scripted(ScriptedRelay(at)) as far, sending(far.port, connections=1) as ours:
        await ours.up()
        answers = {one.id: one for one in await ours.send(*(letter(n) for n in range(20)))}
        refused = answers.pop(letter(7).id)
        assert isinstance(refused.answer, NotTaken)
        assert (refused.stage, refused.answer.code, refused.answer.suppress) == ("rcpt", "550 5.1.1", "hard")
        assert all(isinstance(one.answer, Taken) for one in answers.values())
        assert len(far.taken) == 19
        assert far.connections == 1


async def test_dropped_behind_the_dot_is_uncertain_and_sent_once() -> None:
    def at(verb: str, argument: str, _connection: int) -> str | None:
        return "cut" if verb == "dot" and "p5@" in argument else None

    async with scripted(ScriptedRelay(at)) as far, sending(far.port, connections=1) as ours:
        await ours.up()
        answers = await ours.send(*(letter(n) for n in range(10)))
        by_kind = {letter(n).id: next(one for one in answers if one.id == letter(n).id) for n in range(10)}
        assert isinstance(by_kind[letter(5).id].answer, Uncertain)
        unsure = [one for one in answers if isinstance(one.answer, Uncertain)]
        not_sent = [one for one in answers if isinstance(one.answer, NotSent)]
        assert len(unsure) == 1
        assert len(not_sent) <= 1  # the one whose MAIL was on its way behind it
        assert len(far.taken) == 9 - len(not_sent)


async def test_dropped_before_the_dot_is_not_sent() -> None:
    def at(verb: str, _argument: str, _connection: int) -> str | None:
        return "cut" if verb == "data" else None

    async with scripted(ScriptedRelay(at)) as far, sending(far.port) as ours:
        await ours.up()
        [told] = await ours.send(letter(1))
        assert isinstance(told.answer, NotSent)
        assert told.answer.reason == "link_lost"


async def test_421_in_the_middle() -> None:
    def at(verb: str, argument: str, connection: int) -> str | None:
        return "421 4.3.2 shutting down" if verb == "rcpt" and "p3@" in argument and connection == 1 else None

    async with scripted(ScriptedRelay(at)) as far, sending(far.port, connections=1) as ours:
        await ours.up()
        answers = await ours.send(*(letter(n) for n in range(10)))
        told = next(one.answer for one in answers if one.id == letter(3).id)
        assert isinstance(told, NotTaken)
        assert (told.retry, told.delay_s) == (True, 60.0)
        assert sum(isinstance(one.answer, Taken) for one in answers) == 9
        assert far.connections == 2


async def test_a_relay_without_pipelining_is_spoken_to_step_by_step() -> None:
    async with scripted(ScriptedRelay(offers=())) as far, sending(far.port) as ours:
        await ours.up()
        answers = await ours.send(*(letter(n) for n in range(20)))
        assert all(isinstance(one.answer, Taken) for one in answers)
        assert len(far.taken) == 20


async def test_silence_behind_the_dot_is_uncertain_in_the_end() -> None:
    async with (
        scripted(ScriptedRelay(lambda verb, _argument, _connection: "" if verb == "dot" else None)) as far,
        sending(far.port, dot_timeout_s=0.3) as ours,
    ):
        await ours.up()
        [told] = await ours.send(letter(1))
        assert isinstance(told.answer, Uncertain)


async def test_silence_at_rcpt_is_not_sent() -> None:
    async with (
        scripted(ScriptedRelay(lambda verb, _argument, _connection: "" if verb == "rcpt" else None)) as far,
        sending(far.port, reply_timeout_s=0.3) as ours,
    ):
        await ours.up()
        [told] = await ours.send(letter(1))
        assert isinstance(told.answer, NotSent)


async def test_a_relay_that_is_away_takes_nothing_until_it_is_back(free_port: int) -> None:
    async with sending(free_port, retry_first_s=0.1, retry_most_s=0.1) as ours:
        await ours.until(lambda: any(one.news == "down" for one in ours.moves))
        assert ours.relay.room() == 0
        [told] = await ours.send(letter(1))
        assert isinstance(told.answer, NotSent)
        far = ScriptedRelay()
        server = await asyncio.start_server(far.serve, "127.0.0.1", free_port)
        try:
            await ours.up()
            assert ours.relay.room() == 4
            [told] = await ours.send(letter(2))
            assert isinstance(told.answer, Taken)
        finally:
            server.close()


async def test_a_relay_that_dies_gives_everything_back_and_recovers() -> None:
    alive = True

    def at(verb: str, _argument: str, _connection: int) -> str | None:
        return None if alive or verb == "quit" else "cut"

    async with scripted(ScriptedRelay(at)) as far, sending(far.port, retry_first_s=0.1, retry_most_s=0.1) as ours:
        await ours.up()
        await ours.send(letter(1))
        alive = False
        answers = await ours.send(*(letter(n) for n in range(2, 102)))
        assert all(isinstance(one.answer, NotSent | Uncertain) for one in answers)
        assert sum(isinstance(one.answer, Uncertain) for one in answers) <= 2
        assert far.taken[1:] == []
        alive = True
        ours.moves.clear()
        await ours.up()
        [told] = await ours.send(letter(200))
        assert isinstance(told.answer, Taken)


async def test_too_many_connections_are_fewer_then() -> None:
    far = ScriptedRelay()
    far.at = lambda verb, _argument, _connection: (
        "421 4.7.0 too many connections" if verb == "greet" and far.open > 1 else None
    )
    async with scripted(far), sending(far.port, connections=5) as ours:
        await ours.up()
        answers = await ours.send(*(letter(n) for n in range(300)))
        assert all(isinstance(one.answer, Taken) for one in answers)
        assert any(one.news == "slow" for one in ours.moves)
        assert not any(one.news == "down" for one in ours.moves)


async def test_connections_end_after_so_many_messages_and_when_idle() -> None:
    far = ScriptedRelay(quits_awaited=4)
    async with scripted(far), sending(far.port, connections=1, messages_per_connection=10, idle_s=0.3) as ours:
        await ours.up()
        answers = await ours.send(*(letter(n) for n in range(35)))
        assert all(isinstance(one.answer, Taken) for one in answers)
        assert far.connections == 4
        async with asyncio.timeout(10):
            await far.left.wait()
        assert far.quits == 4
        assert ours.relay.room() == 2


async def test_rates_hold() -> None:
    async with scripted(ScriptedRelay()) as far, sending(far.port, per_s=20.0) as ours:
        await ours.up()
        begun = asyncio.get_running_loop().time()
        await ours.send(*(letter(n) for n in range(30)))
        assert asyncio.get_running_loop().time() - begun > 0.45  # 20 at once, then 20 a second


async def test_what_the_store_refuses_is_told_again_and_takes_room() -> None:
    async with scripted(ScriptedRelay()) as far:
        relay = SmtpRelay(
            RelayConfig(name="test", host="127.0.0.1", hello="us.example", port=far.port, tls="none"),
            SystemClock(),
            loopback_reach(),
        )
        relay.open()
        told = relay.news()
        batch = await anext(told)
        assert [type(one) for one in batch.news] == [LinkMoved]
        await batch.ack()
        await relay.submit([letter(1)])
        batch = await anext(told)
        assert relay.room() == 19
        await batch.refuse()
        again = await anext(told)
        assert again.news == batch.news
        await again.ack()
        assert relay.room() == 20
        await relay.close(1.0)
        assert [one async for one in told] == []


async def test_closing_waits_for_what_is_under_way() -> None:
    async with scripted(ScriptedRelay()) as far, sending(far.port, connections=1) as ours:
        await ours.up()
        await ours.relay.submit([letter(n) for n in range(10)])
        await ours.close()
        assert len(ours.answers) == 10
        assert sum(isinstance(one.answer, Taken) for one in ours.answers) == len(far.taken)
        assert all(isinstance(one.answer, Taken | NotSent) for one in ours.answers)


async def test_large_and_utf8_messages_reach_aiosmtpd_unchanged() -> None:
    box = Box()
    async with real_server(box) as port, sending(port) as ours:
        await ours.up()
        large = letter(1, content=b"Subject: x\r\n\r\n" + b".line\r\n" * 500_000)
        wide = letter(2, to="jürgen@example.com", content="Subject: ä\r\n\r\nö\r\n".encode())
        answers = await ours.send(large, wide)
        assert all(isinstance(one.answer, Taken) for one in answers)
        got = {one.rcpt_tos[0]: one.original_content for one in box.taken}
        assert got == {large.recipient: large.content, wide.recipient: wide.content}


@pytest.mark.parametrize("way", ["starttls", "implicit"])
async def test_tls_with_an_authority_of_ones_own(tmp_path: Path, way: str) -> None:
    ca_file, context = certificates(tmp_path)
    box = Box()
    contexts = {"starttls": {"starttls": context}, "implicit": {"implicit": context}}[way]
    async with real_server(box, **contexts) as port:  # type: ignore[arg-type]
        async with sending(port, host="localhost", tls=way, authorities=ca_file.read_text()) as ours:
            await ours.up()
            answers = await ours.send(*(letter(n) for n in range(5)))
            assert all(isinstance(one.answer, Taken) for one in answers)
            assert all(box.encrypted) or way == "implicit"
        async with sending(port, host="localhost", tls=way) as ours:  # nobody vouches for this one
            await ours.until(lambda: bool(ours.moves))
            assert ours.moves[0].news in {"refused", "down"}
            assert "certificate" in ours.moves[0].detail.lower()
        async with sending(port, host="localhost", tls=way, check_certificate=False) as ours:
            await ours.up()


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    ca_file, context = certificates(tmp_path, "other.example")
    async with (
        real_server(Box(), starttls=context) as port,
        sending(port, host="localhost", tls="starttls", authorities=ca_file.read_text()) as ours,
    ):
        await ours.until(lambda: bool(ours.moves))
        assert ours.moves[0].news == "refused"
        assert ours.relay.room() == 0


@pytest.mark.parametrize("login", ["PLAIN", "LOGIN"])
async def test_log_in(tmp_path: Path, login: str) -> None:
    ca_file, context = certificates(tmp_path)
    box = Box()
    async with real_server(box, starttls=context, logins=True) as port:
        settings = {
            "host": "localhost",
            "tls": "starttls",
            "authorities": ca_file.read_text(),
            "user": "ann",
            "login": login,
        }
        async with sending(port, **settings, password="right") as ours:
            await ours.up()
            [told] = await ours.send(letter(1))
            assert isinstance(told.answer, Taken)
            assert box.logins == [login]
        async with sending(port, **settings, password="wrong") as ours:
            await ours.until(lambda: bool(ours.moves))
            assert ours.moves[0].news == "refused"
            assert "wrong" not in ours.moves[0].detail
            [told] = await ours.send(letter(2))
            assert isinstance(told.answer, NotSent)
            tries = len(box.logins)
            await asyncio.sleep(0.6)
            assert len(box.logins) == tries  # left alone, or the account is locked


async def test_a_relay_that_asks_for_a_login_in_the_middle_is_stopped() -> None:
    def at(verb: str, _argument: str, _connection: int) -> str | None:
        return "530 5.7.0 Authentication required" if verb == "mail" else None

    async with scripted(ScriptedRelay(at)) as far, sending(far.port) as ours:
        await ours.up()
        [told] = await ours.send(letter(1))
        assert isinstance(told.answer, NotTaken)
        assert (told.answer.reason, told.answer.retry, told.answer.alert) == ("login_refused", True, True)
        assert ours.relay.room() == 0
