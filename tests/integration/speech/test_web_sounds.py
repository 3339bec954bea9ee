"""Recordings of the web: fetched through the guard, bounded in every way, converted once, shared, asked for again, thrown away."""

from __future__ import annotations

import asyncio
import random
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import web

from central.adapters.speech.config import SpeechConfig
from central.adapters.speech.web_sounds import FRESH_S, FetchedSounds
from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.downloader import WebhookDownloader
from central.application.ports.speech import AudioFile
from central.application.ports.web_sounds import NoSound
from central.domain.errors import OperatorError
from central.domain.ids import AccountId
from tests.integration.webhook.far_end import Behaviour, FarEnd, answer, cut, endless
from tests.tones import Heard, hear, sine

LAB = WebhookConfig(
    timeout_s=5, max_answer_bytes=400_000, allowed_networks=("127.0.0.1/32",), per_host=100, keep_connections=False
)


@dataclass
class SetClock:
    """A clock that stands until it is set."""

    at: float = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.at


@dataclass
class Lab:
    far_end: FarEnd
    sounds: FetchedSounds
    clock: SetClock
    folder: Path
    account: AccountId

    async def fetch(self, path: str = "/a.wav", *, plain_http: bool = True) -> AudioFile | NoSound:
        return await self.sounds.fetch(self.account, self.far_end.url(path), plain_http=plain_http)

    async def good(self, path: str = "/a.wav") -> AudioFile:
        found = await self.fetch(path)
        assert isinstance(found, AudioFile), found
        return found

    async def bad(self, path: str = "/a.wav", *, plain_http: bool = True) -> NoSound:
        found = await self.fetch(path, plain_http=plain_http)
        assert isinstance(found, NoSound), found
        return found

    @property
    def kept(self) -> list[Path]:
        return sorted((self.folder / "web").glob("??/*.wav"))


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    config = SpeechConfig(
        tmp_path / "cache", tmp_path / "prompts", max_prompt_bytes=400_000, max_prompt_s=20, max_fetched_bytes=200_000
    )
    clock = SetClock()
    downloader = WebhookDownloader(LAB)
    sounds = FetchedSounds(config, downloader, clock)
    async with FarEnd() as far_end:
        yield Lab(far_end, sounds, clock, config.cache_folder, AccountId(uuid4()))
        await sounds.close()
        await downloader.close()
    assert not list((tmp_path / "cache/web").glob(".fetch-*"))


def sound(body: bytes, **headers: str) -> Behaviour:
    async def behave(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return behave


def versioned(body: bytes, etag: str) -> Behaviour:
    async def behave(request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(body=body, headers={"ETag": etag})

    return behave


def heard_in(found: AudioFile) -> Heard:
    return hear(Path(found.path).read_bytes())


# -- what is fetched can be heard --------------------------------------------------------------------------------------
async def test_the_tone_is_there_in_the_form_that_the_engine_plays(lab: Lab) -> None:
    lab.far_end.otherwise = sound(sine(600, 2.0, rate=44_100))
    found = await lab.good()
    heard = heard_in(found)
    assert (heard.rate, len(heard.channels)) == (8000, 1)
    assert heard.tone_s(600) == pytest.approx(2.0, abs=0.2)
    assert found.seconds == pytest.approx(2.0, abs=0.01)
    assert all(path.stat().st_mode & 0o004 for path in lab.kept)  # the engine may be another user


async def test_what_is_fresh_is_not_asked_for_again_and_then_only_whether_it_changed(lab: Lab) -> None:
    lab.far_end.otherwise = versioned(sine(600, 1.0), '"v1"')
    first = await lab.good()
    lab.clock.at = FRESH_S - 1
    assert await lab.good() == first
    assert len(lab.far_end.received) == 1
    lab.clock.at = FRESH_S + 1
    assert await lab.good() == first
    assert lab.far_end.received[1].headers["If-None-Match"] == '"v1"'
    assert await lab.good() == first  # fresh again
    assert len(lab.far_end.received) == 2
    lab.clock.at = 3 * FRESH_S
    lab.far_end.otherwise = versioned(sine(900, 1.0), '"v2"')
    assert heard_in(await lab.good()).tone_s(900) > 0.8


async def test_without_an_etag_the_date_of_the_last_change_is_asked_by(lab: Lab) -> None:
    date = "Mon, 05 Jan 2026 10:00:00 GMT"
    lab.far_end.otherwise = sound(sine(600, 1.0), Last_Modified=date)
    await lab.good()
    lab.clock.at = FRESH_S + 1
    await lab.good()
    assert lab.far_end.received[1].headers["If-Modified-Since"] == date


@pytest.mark.parametrize("control", ["no-store", "private, no-cache", "No-Cache"])
async def test_what_may_not_be_used_again_is_asked_for_each_time(lab: Lab, control: str) -> None:
    lab.far_end.otherwise = sound(sine(600, 1.0), Cache_Control=control)
    await lab.good()
    await lab.good()
    assert len(lab.far_end.received) == 2


async def test_an_unchanged_answer_to_nothing_is_no_recording(lab: Lab) -> None:
    lab.far_end.otherwise = answer(304)
    assert await lab.bad() == NoSound("url_failed", "HTTP 304")


async def test_those_who_ask_together_share_one_fetch_and_one_who_gives_up_ends_it_for_nobody(lab: Lab) -> None:
    released = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response(body=sine(600, 1.0))

    lab.far_end.otherwise = slow
    asking = [asyncio.create_task(lab.fetch()) for _ in range(20)]
    while not lab.far_end.received:  # noqa: ASYNC110 - of the far end
        await asyncio.sleep(0.01)
    asking[0].cancel()
    released.set()
    found = await asyncio.gather(*asking[1:])
    assert len(set(found)) == 1
    assert isinstance(found[0], AudioFile)
    assert len(lab.far_end.received) == 1


async def test_the_same_content_behind_other_addresses_is_one_file(lab: Lab) -> None:
    lab.far_end.otherwise = sound(sine(600, 1.0))
    assert await lab.good("/a?for=1") == await lab.good("/b?for=2")
    assert len(lab.kept) == 1
    other = await lab.sounds.fetch(AccountId(uuid4()), lab.far_end.url("/a?for=1"), plain_http=True)
    assert isinstance(other, AudioFile)
    assert len(lab.far_end.received) == 3  # what one account knows of an address, another does not


async def test_what_was_thrown_away_is_fetched_again(lab: Lab) -> None:
    lab.far_end.otherwise = versioned(sine(600, 1.0), '"v1"')
    found = await lab.good()
    for path in lab.kept:
        path.unlink()
    assert await lab.good() == found
    assert "If-None-Match" not in lab.far_end.received[1].headers


async def test_there_are_never_more_bytes_than_may_be_kept(lab: Lab) -> None:
    for n in range(20):  # 16,044 bytes each
        lab.far_end.otherwise = sound(sine(400 + 20 * n, 1.0))
        await lab.good(f"/{n}")
    assert sum(path.stat().st_size for path in lab.kept) <= 200_000
    assert 10 <= len(lab.kept) < 20


# -- what the far side can do wrong ------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [204, 206, 301, 404, 500])
async def test_any_other_answer_is_a_failed_fetch(lab: Lab, status: int) -> None:
    lab.far_end.otherwise = answer(status, "" if status == 204 else "told")
    assert await lab.bad() == NoSound("url_failed", f"HTTP {status}")
    assert not lab.kept


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>no audio</html>",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"\xff\xfb" + random.Random(1).randbytes(5_000),
        sine(600, 0.0),
        sine(600, 2.0)[:20_000],
        b"#EXTM3U\nfile:///etc/passwd\n",
    ],
    ids=["empty", "html", "header", "noise", "silent", "cut", "playlist"],
)
async def test_what_is_no_audio_is_told_so(lab: Lab, body: bytes) -> None:
    lab.far_end.otherwise = sound(body)
    assert (await lab.bad()).reason == "url_no_audio"
    assert not lab.kept


async def test_a_recording_that_is_too_long_is_told_so(lab: Lab) -> None:
    content = BytesIO()
    with wave.open(content, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(1)
        target.setframerate(8)
        target.writeframes(b"\x80\x90" * 43_200)  # three hours
    lab.far_end.otherwise = sound(content.getvalue())
    assert (await lab.bad()).reason == "url_too_long"


async def test_a_body_without_end_and_one_that_says_it_is_huge_are_too_large(lab: Lab) -> None:
    lab.far_end.otherwise = endless(200)
    assert (await lab.bad("/endless")).reason == "url_too_large"

    async def boasts(_: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(400_001))

    lab.far_end.otherwise = boasts
    assert (await lab.bad("/boasts")).reason == "url_too_large"
    assert not lab.kept


async def test_a_server_that_never_answers_and_one_that_breaks_off_fail(lab: Lab, tmp_path: Path) -> None:
    lab.far_end.otherwise = cut
    assert (await lab.bad()).detail.startswith("unreachable")

    async def breaks_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100000"})
        await response.prepare(request)
        await response.write(sine(600, 1.0))
        assert request.transport is not None
        request.transport.abort()
        return response

    lab.far_end.otherwise = breaks_off
    assert (await lab.bad()).reason == "url_failed"
    lab.far_end.otherwise = lab.far_end.hang
    downloader = WebhookDownloader(replace(LAB, timeout_s=0.3))
    hasty = FetchedSounds(SpeechConfig(tmp_path / "hasty", tmp_path / "p"), downloader, lab.clock)
    found = await hasty.fetch(lab.account, lab.far_end.url(), plain_http=True)
    assert isinstance(found, NoSound)
    assert found.detail.startswith("timeout")
    await downloader.close()


# -- where it may not go -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "target", ["http://127.0.0.2/", "http://[::1]/", "http://169.254.169.254/latest", "http://2130706433/"]
)
async def test_a_redirect_to_an_address_of_ours_is_refused(lab: Lab, target: str) -> None:
    lab.far_end.otherwise = answer(302, "", Location=target)
    assert (await lab.bad()).reason == "url_refused"


@pytest.mark.parametrize("url", ["http://10.0.0.1/a.wav", "http://[::ffff:10.0.0.1]/", "http://0x7f.1/"])
async def test_an_address_that_is_not_public_is_refused(lab: Lab, url: str) -> None:
    found = await lab.sounds.fetch(lab.account, url, plain_http=True)
    assert isinstance(found, NoSound)
    assert found.reason == "url_refused"


async def test_redirects_are_followed_a_few_times_and_plain_http_is_the_accounts_switch(lab: Lab) -> None:
    lab.far_end.plan["/a.wav"] = [answer(302, "", Location="/b.wav")]
    lab.far_end.plan["/b.wav"] = [sound(sine(600, 1.0))]
    await lab.good()
    lab.far_end.otherwise = answer(302, "", Location="/again")
    assert (await lab.bad("/again")).detail.startswith("bad_redirect")
    before = len(lab.far_end.received)
    assert (await lab.bad(plain_http=False)).reason == "url_refused"  # also what is known already
    assert len(lab.far_end.received) == before


async def test_a_folder_that_cannot_be_written_is_this_machines_fault(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    downloader = WebhookDownloader(LAB)
    lost = FetchedSounds(SpeechConfig(tmp_path / "file", tmp_path / "p"), downloader, lab.clock)
    lab.far_end.otherwise = sound(sine(600, 1.0))
    with pytest.raises(OperatorError, match="cannot be used"):
        await lost.fetch(lab.account, lab.far_end.url(), plain_http=True)
    await downloader.close()


async def test_what_takes_long_to_convert_holds_up_its_own_account_only(lab: Lab, tmp_path: Path) -> None:
    runs = tmp_path / "runs"  # the n-th conversion makes the folder n, and lasts until there is go.n or go
    runs.mkdir()
    slow = tmp_path / "slow-sox"
    slow.write_text(
        f"#!/bin/sh\ncd {runs}\nn=1\nuntil mkdir $n 2>/dev/null; do n=$((n + 1)); done\n"
        "until [ -e go.$n ] || [ -e go ]; do sleep 0.02; done\nexit 1\n"
    )
    slow.chmod(0o755)
    config = SpeechConfig(tmp_path / "slow", tmp_path / "p", sox=str(slow), workers=2)
    downloader = WebhookDownloader(LAB)
    try:
        sounds = FetchedSounds(config, downloader, lab.clock)
        for n in range(6):
            lab.far_end.plan[f"/{n}"] = [sound(sine(400 + 50 * n, 0.5))]
        busy = [
            asyncio.create_task(sounds.fetch(lab.account, lab.far_end.url(f"/{n}"), plain_http=True)) for n in range(5)
        ]
        await _there(runs / "1")
        other = asyncio.create_task(sounds.fetch(AccountId(uuid4()), lab.far_end.url("/5"), plain_http=True))
        await _there(runs / "2")
        (runs / "go.2").touch()
        assert isinstance(await asyncio.wait_for(other, 10), NoSound)
        assert not any(task.done() for task in busy)
        (runs / "go").touch()
        await asyncio.gather(*busy)
    finally:
        await downloader.close()


async def _there(path: Path) -> None:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(path.exists):  # noqa: ASYNC110 - made by another process
            await asyncio.sleep(0.02)
