"""The Webhook step in a live call: its request is stored as begun, sent once, ended when nobody waits; nobody else waits for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import cast

import pytest

from central.application.conversation.call_webhooks import KEPT_S, CallWebhooks
from central.application.conversation.run_errands import Runners
from central.application.ports.web_calls import SavedEndpoint, WebAnswer
from central.domain.accounts import Switch
from central.domain.delivery import NoAnswer
from central.domain.endpoints import EndpointAuth
from central.flow.errands import CallWebhook
from examples.carrier.demo import number_for
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.voice_rig import VoiceRig, play
from tests.fakes.web import MemoryWeb

URL = "https://h.example/x"
FLOW = """
flow: f
type: multicast
purpose: service
calls: {attempts: 1, ring_timeout: 4s, short_hangup: 0s}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: ask, busy: end, no_answer: end, failed: end}}
  ask: {widget: webhook, TARGET, timeout: 5s, result: {Name: name}, on: {success: fine, failure: bad}}
  fine: {widget: play, say: "Hello {{ $flow.key.Name }}.", next: bye}
  bad: {widget: play, say: Sorry., next: bye}
  bye: {widget: hang_up}
"""


class ClockOfRig:
    """The clock of a rig, which it has once it is opened."""

    rig: VoiceRig

    def now(self) -> datetime:
        return self.rig.clock.now()

    def monotonic(self) -> float:
        return self.rig.clock.monotonic()


def rig_with(web: MemoryWeb, target: str = f"url: {URL}") -> VoiceRig:
    clock = ClockOfRig()
    runners: Runners = {CallWebhook: CallWebhooks(web, web, clock, ObservedTelemetry())}
    clock.rig = VoiceRig(flow=FLOW.replace("TARGET", target).encode(), runners=runners)
    return clock.rig


async def one(rig: VoiceRig) -> None:
    rig.call(number_for("answers", 1))
    await rig.finish()


def variables(rig: VoiceRig) -> dict[str, object]:
    told = [cast("list[dict[str, object]]", event.data["notes"]) for event in rig.journal.told("flow_walked")]
    notes = [note for notes in told for note in notes]
    return {str(note["name"]): note["value"] for note in notes if note["kind"] == "variable"}


def test_a_field_of_the_answer_is_said_and_the_request_carries_its_key() -> None:
    web = MemoryWeb({URL: WebAnswer(200, 12, '{"name": "Asha"}')})
    rig = play(rig_with(web), one)
    (record_id,) = rig.handed
    (request,) = web.asked
    assert request.headers["Idempotency-Key"] == f"{record_id}-1-1"
    assert not request.plain_http
    assert variables(rig)["Name"] == "Asha"
    (begun,) = rig.journal.told("errand_begun")
    assert begun.data == {"attempt": 1, "step": "ask", "errand": "CallWebhook"}


def test_while_the_store_is_away_nothing_is_sent() -> None:
    web = MemoryWeb()
    rig = rig_with(web)

    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("answers", 1))
        while rig.clock.monotonic() < 0.3:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.01)
        rig.journal.before = lambda: rig.clock.monotonic() < 3.0
        while rig.clock.monotonic() < 2.9:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.1)
        assert rig.desk.calls
        assert not web.asked
        await rig.finish()

    play(rig, story)
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [(WebAnswer(500, 9, "x"), "http_status", "500"), (NoAnswer("address_refused", 1), "address_refused", "")],
)
def test_a_failure_takes_its_branch(answer: WebAnswer | NoAnswer, error: str, code: str) -> None:
    rig = play(rig_with(MemoryWeb({URL: answer})), one)
    (record_id,) = rig.handed
    assert rig.result(record_id).status == "COMPLETED"
    assert variables(rig)["response_error"] == error
    assert variables(rig)["response_status_code"] == code


def test_a_target_that_hangs_delays_its_own_call_only() -> None:
    web = MemoryWeb(hangs={URL})

    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("answers", 1))
        rig.call(number_for("hangs_up_at_once", 2))
        await rig.finish()

    rig = play(rig_with(web), story)
    waited, left = rig.handed
    assert rig.result(waited).status == "COMPLETED"
    assert variables(rig)["response_error"] == "timeout"
    assert rig.result(left).status == "PARTIAL_COMPLETE"
    assert web.dropped == 1  # that of the customer who left


def test_a_saved_endpoint_is_asked_for_once_in_a_while() -> None:
    web = MemoryWeb(endpoints={"crm": SavedEndpoint(URL, EndpointAuth("basic", "u", "p"), ("whsec_x",))})

    async def story(rig: VoiceRig) -> None:
        for place in range(5):
            rig.call(number_for("answers", place + 1))
        await rig.finish()
        assert len(web.looked_up) <= 5
        before = len(web.looked_up)
        while rig.clock.monotonic() < KEPT_S * 3:
            await one(rig)
        assert len(web.looked_up) > before

    play(rig_with(web, "endpoint: crm, query: {a: 'b c'}"), story)
    request = web.asked[0]
    assert request.url == f"{URL}?a=b%20c"
    assert request.method == "POST"
    assert request.auth.username == "u"
    assert request.signed is not None
    assert len({r.signed.id for r in web.asked if r.signed is not None}) == len(web.asked)


@pytest.mark.parametrize(("disabled", "error"), [(None, "endpoint_unknown"), (True, "endpoint_disabled")])
def test_an_endpoint_that_cannot_be_used_takes_the_failed_branch(disabled: bool | None, error: str) -> None:
    endpoints = {} if disabled is None else {"crm": SavedEndpoint(URL, disabled=disabled)}
    web = MemoryWeb(endpoints=endpoints)
    rig = play(rig_with(web, "endpoint: crm"), one)
    assert not web.asked
    assert variables(rig)["response_error"] == error


def test_plain_http_is_the_accounts_switch() -> None:
    web = MemoryWeb()

    async def story(rig: VoiceRig) -> None:
        rig.account = replace(rig.account, switches=rig.account.switches | {Switch.PLAIN_HTTP_WEBHOOKS})
        await one(rig)

    play(rig_with(web), story)
    assert web.asked[0].plain_http


def test_without_a_runner_the_step_fails_with_a_clear_word() -> None:
    rig = VoiceRig(flow=FLOW.replace("TARGET", f"url: {URL}").encode())
    play(rig, one)
    assert variables(rig)["response_error"] == "not_configured"
