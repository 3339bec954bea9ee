"""The heart of a voice node: news of the engine, timers and rows become flow events; the flow's commands become deeds.

Path step 4. Everything runs on one event loop; handlers never wait, what must wait is spawned. A call ends in exactly one
of four ways: its outcome is stored, its run is stored to sleep, its lease turns out to be lost, or the node dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, assert_never

from central.application.conversation.bridge_number import BridgeNumbers
from central.application.conversation.bring_in import BringIn
from central.application.conversation.close_attempt import CloseAttempt
from central.application.conversation.connect_agents import ConnectAgents
from central.application.conversation.hear_legs import HearLegs
from central.application.conversation.live_call import LiveCall, LiveLeg
from central.application.conversation.place_leg import PlaceLeg
from central.application.conversation.play_media import PlayPrompts
from central.application.conversation.reach_both import ReachBoths
from central.application.conversation.record_calls import RecordCalls
from central.application.conversation.run_errands import RunErrands, Runners, Staged
from central.application.conversation.sleep_runs import SleepRuns
from central.application.conversation.store_recordings import RecordingParts, StoreRecordings
from central.application.conversation.take_calls import TakeCalls
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports.contact_center import ContactCenter
from central.application.ports.dispatch import HandedRecord
from central.application.ports.library import AccountTrunk
from central.application.ports.telephony import (
    NORMAL_CLEARING,
    CallOffered,
    LegEnded,
    RecordingEnded,
    TelephonyEvent,
)
from central.domain.accounts import OF_FLOWS
from central.domain.attempts import Loss
from central.domain.evidence import Evidence, Phase
from central.domain.ids import RecordId
from central.domain.statuses import CallStatus
from central.flow import commands as do
from central.flow.errands import BridgeNumber, ConnectAgent, ReachBoth, RecordVoice
from central.flow.events import Begun, ErrandDone, FlowEvent, FundsShort, StopForced, TimerFired
from central.flow.interpreter import begin, enter, step
from central.flow.prepared import PreparedFlow
from central.flow.program import HangUpCause
from central.flow.run import Delaying, Place, Run, RunFacts

_SETTLE_S = (
    3.0  # how long a record's end waits for its recordings to be stored, and for the other side of a conversation
)
_REFUSALS: Final[Mapping[HangUpCause, int]] = {"normal": 19, "busy": 17, "reject": 21}
"""What a flow that does not answer tells the carrier (ITU-T Q.850; on SIP 480, 486, 403)."""


class DriveCalls:
    """The driver of one voice node; ``runners`` do the flows' errands, ``door`` leads to the agents."""

    def __init__(
        self,
        desk: VoiceDesk,
        runners: Runners | None = None,
        recordings: RecordingParts | None = None,
        door: ContactCenter | None = None,
    ) -> None:
        self._desk = desk
        self.stored: StoreRecordings | None = None
        self._recorder: RecordCalls | None = None
        if recordings is not None:
            self.stored = StoreRecordings(recordings, desk.telephony, desk.clock, desk.telemetry)
            self._recorder = RecordCalls(desk, recordings.spool, self.stored, recordings.name)
            runners = {**(runners or {}), RecordVoice: self._recorder.record}
        self._close = CloseAttempt(desk, self.feed, self._hang_up_lost)
        self._legs = HearLegs(desk, self.feed, self._retry_trunk, self._close.lost, self._recorder)
        self._take = TakeCalls(desk, self._legs.over)
        self._place = PlaceLeg(
            desk,
            self._legs.over,
            self._funds_short,
            lambda call, _: self._close.drop(call),
            records=self._recorder is not None,
        )
        if desk.lists is not None:
            bring = BringIn(desk, self._legs)
            self._legs.further = bring.hear
            runners = {**(runners or {}), BridgeNumber: Staged(BridgeNumbers(desk, bring).run)}
            if door is not None:
                runners[ConnectAgent] = Staged(ConnectAgents(desk, bring, door).run)
                runners[ReachBoth] = Staged(ReachBoths(desk, bring, door).run)
        self._prompts = PlayPrompts(desk, self.feed)
        self._errands = RunErrands(desk, self.feed, self.enter, {} if runners is None else runners)
        self._sleep = SleepRuns(desk, self.feed, fire=self._fire, forget=self._close.forget, talks=self._talks)

    # -- what comes in ---------------------------------------------------------------------------------------------------
    def begin(self, handed: Sequence[HandedRecord]) -> None:
        """Start the attempts of freshly claimed records, and go on with those that slept."""
        for item in handed:
            self.lease_lost(item.record.id)  # a claim of a record that we still work on: it was taken from us meanwhile
            call = self._live(item)
            if item.record.sleeper is None:
                self.feed(call, Begun(self._desk.clock.now()))
            elif not self._sleep.wake(call, item.record.sleeper):
                self._close.drop(call)

    def take(self, handed: HandedRecord, offer: CallOffered, trunk: AccountTrunk) -> None:
        """Start a call that came in and was admitted; its place on the trunk is taken."""
        call = self._live(handed)
        leg = call.leg = self._take.leg_of(offer, trunk)
        self._desk.by_leg[leg.id] = call
        self.feed(call, Begun(self._desk.clock.now()))
        self._take.begun(call, leg)

    def refuse(self, offer: CallOffered, q850: int) -> None:
        """Nobody takes this call; ``q850`` (ITU-T Q.850) tells the carrier why."""
        self._take.refuse(offer, q850)

    def hear(self, events: Sequence[TelephonyEvent]) -> None:
        """Take news of the voice engine, in order. An offered call must be answered by ``take`` or ``refuse``."""
        for event in events:
            if isinstance(event, CallOffered):
                self._take.offered(event)
            elif isinstance(event, LegEnded) and event.leg in self._take.waiting:
                self._take.ended(event)
            elif not isinstance(event, RecordingEnded):
                self._legs.hear(event, self._prompts.ended, self._take.waiting)
            elif self._recorder is not None:
                self._recorder.ended(event)

    def _live(self, handed: HandedRecord) -> LiveCall:
        call = LiveCall(
            handed=handed,
            run=begin(handed.prepared.program, _facts(handed)),
            good_until=handed.claimed_at + self._desk.lease.total_seconds() * 0.9,
            reserved_positions={handed.contact_position},
        )
        self._desk.calls[handed.record.id] = call
        return call

    def stop(self, record_id: RecordId) -> None:
        """The account's user stopped the record with force: cut it off."""
        call = self._desk.calls.get(record_id)
        if call is None or call.stopping or call.gone:
            return
        call.stopping = True
        leg = call.leg
        if leg is not None and leg.sent and not leg.over and leg.phase is not Phase.ANSWERED:
            leg.local = "cancelled_by_us"
            self._desk.timers.spawn(self._desk.telephony.hang_up(leg.id, leg.local), "hang_up")
        self.feed(call, StopForced(self._desk.clock.now()))

    def lease_lost(self, record_id: RecordId) -> None:
        """The record was taken away from this node: end its leg and forget it."""
        if call := self._desk.calls.get(record_id):
            self._close.drop(call)

    def give_up(self, call: LiveCall) -> None:
        """The node must end before this call does: store what is true, that the engine is lost to it.

        What a run without a call has done stands in the rows alone, so whoever reads those closes its attempt.
        """
        if not call.handed.prepared.needs_voice:
            self._desk.tell_notes(call)
            self._close.forget(call)
            return
        leg = call.leg
        if leg is not None and leg.sent and not leg.over:
            answered = leg.phase is Phase.ANSWERED
            self._desk.timers.spawn(self._desk.telephony.hang_up(leg.id, "hangup_by_us"), "hang_up")
            local = None if answered else "engine_lost"
            self._legs.over(call, leg, Evidence(local=local, phase=leg.phase, side="us", end="lost"))
        elif any(result.status is CallStatus.CONNECTED for result in call.legs):
            self._close.lost(call, Loss.AFTER_ANSWER)
        else:
            self._close.lost(call, Loss.POSSIBLY_SENT if call.legs else Loss.NOT_SENT)

    # -- flow events in, commands out ------------------------------------------------------------------------------------
    def feed(self, call: LiveCall, event: FlowEvent) -> None:
        """Move the call's flow by one event and do what it asks for."""
        if call.gone:
            return
        self._go_on(call, *step(call.flow.program, call.run, event))

    def enter(self, call: LiveCall, done: ErrandDone, flow: PreparedFlow) -> None:
        """The call goes on in another flow, if its step still waits for that."""
        place = Place(flow.flow_id, flow.flow.name, str(flow.number))
        run, commands = enter(call.flow.program, call.run, done, flow.program, place)
        call.flow = flow if run.place == place else call.flow
        self._go_on(call, run, commands)

    def _go_on(self, call: LiveCall, run: Run, commands: Sequence[do.Command]) -> None:
        call.run = run
        for command in commands:
            if isinstance(command, do.Note):  # most of them
                call.notes.append(command)
                call.notes_since = call.notes_since or command.at
            else:
                self._perform(call, command)
        if isinstance(run.wait, Delaying):
            self._sleep.consider(call, commands)

    def _perform(self, call: LiveCall, command: do.Deed) -> None:
        desk = self._desk
        match command:
            case do.Dial():
                desk.timers.spawn(self._place.dial(call, command), "dial")
            case do.Ring() | do.Answer():
                self._pick_up(call, command)
            case do.PlayMedia():
                desk.timers.spawn(self._prompts.play(call, command), "play")
            case do.StopMedia():
                desk.timers.spawn(self._prompts.stop(call, command.playback), "stop_media")
            case do.StartTimer():
                call.timers[command.timer] = desk.timers.after(command.after_s, lambda: self._fire(call, command.timer))
            case do.CancelTimer():
                if handle := call.timers.pop(command.timer, None):
                    handle.cancel()
            case do.RunErrand() | do.DropErrand() | do.EndErrand():
                self._errand(call, command)
            case do.HangUp():
                self._hang_up(call, command.cause, first_left=command.first_left)
            case do.MainPathEnded():
                self._end_silent(call)
                self._close.ended(call, command)
            case do.RunEnded():
                self._store(call)
            case _:
                assert_never(command)

    def _errand(self, call: LiveCall, command: do.RunErrand | do.DropErrand | do.EndErrand) -> None:
        self._errands.do(call, command)
        if isinstance(command, do.EndErrand) and self._recorder is not None:  # whose recording the engine must end
            self._recorder.enough(call)

    def _store(self, call: LiveCall) -> None:
        """The record becomes final; where recordings of it are on their way, those first, so that its last news names them."""
        recorded = self.stored is not None and self.stored.unsettled([call.record_id])
        if recorded or self._talks(call):
            self._desk.timers.spawn(self._store_settled(call), "store")
        else:
            self._close.store(call)

    def _talks(self, call: LiveCall) -> bool:
        """Whether somebody who was brought to the customer is still being let go: what he costs is not known yet."""
        return any(self._desk.by_leg.get(leg_id) is call for leg_id in self._desk.further)

    async def _store_settled(self, call: LiveCall) -> None:
        if self.stored is not None:
            await self.stored.settled(call.record_id, _SETTLE_S)
        until = self._desk.clock.monotonic() + _SETTLE_S
        while self._talks(call) and self._desk.clock.monotonic() < until:  # noqa: ASYNC110 - his end is one event of many
            await asyncio.sleep(0.05)
        if not call.gone:
            self._close.store(call)

    def _fire(self, call: LiveCall, timer: int) -> None:
        if call.timers.pop(timer, None) is not None:
            self.feed(call, TimerFired(timer, self._desk.clock.now()))

    def _pick_up(self, call: LiveCall, command: do.Ring | do.Answer) -> None:
        leg, telephony = call.leg, self._desk.telephony
        if leg is not None and leg.called and not leg.over:
            if self._recorder is not None and call.recorded:
                leg.recording = leg.recording or self._desk.ids.uuid()
            self._desk.timers.spawn(
                telephony.ring(leg.id) if isinstance(command, do.Ring) else telephony.answer(leg.id, leg.record),
                "pick_up",
            )

    def _hang_up(self, call: LiveCall, cause: HangUpCause = "normal", *, first_left: bool = False) -> None:
        leg = call.leg
        if leg is None or leg.over:
            return
        unanswered = "cancelled_by_first_party" if first_left else "cancelled_by_us"
        leg.local = leg.local or ("hangup_by_us" if leg.phase is Phase.ANSWERED else unanswered)
        leg.cut_at = leg.cut_at or self._desk.clock.now()
        refused = leg.called and leg.phase is not Phase.ANSWERED
        q850 = _REFUSALS[cause] if refused else NORMAL_CLEARING
        self._desk.timers.spawn(self._desk.telephony.hang_up(leg.id, leg.local, q850), "hang_up")

    def _end_silent(self, call: LiveCall) -> None:
        """A leg that we hung up and whose end the engine never told, because it could not be heard: it ends now."""
        leg = call.leg
        if leg is not None and leg.sent and not leg.over:
            evidence = Evidence(local=leg.local, phase=leg.phase, side="us", end="dropped")
            self._legs.over(call, leg, evidence, leg.cut_at)

    def _hang_up_lost(self, call: LiveCall) -> None:
        if call.leg is not None and call.leg.sent:
            self._hang_up(call)

    def _retry_trunk(self, call: LiveCall, failed: LiveLeg) -> None:
        self._desk.timers.spawn(self._place.over_next_trunk(call, failed), "dial")

    def _funds_short(self, call: LiveCall, leg: LiveLeg) -> None:
        self.feed(call, FundsShort(leg.dial.position, self._desk.clock.now()))


def _facts(handed: HandedRecord) -> RunFacts:
    record, prepared, contact = handed.record, handed.prepared, handed.contact
    number = record.numbers[handed.contact_position]
    about = {"number": number}
    if contact is not None:
        about |= {"time_zone": contact.time_zone} if contact.time_zone else {}
        about["updated_at"] = contact.updated_at.astimezone(prepared.zone).isoformat(timespec="milliseconds")
    return RunFacts(
        numbers=record.numbers,
        variables=record.variables,
        system={
            "record_id": str(record.id),
            "request_id": str(record.request_id),
            "attempt_id": str(handed.attempt_id),
            "attempt_number": str(handed.attempt_number),
            "flow_id": record.flow_id,
            "flow_version": "draft" if prepared.number is None else str(prepared.number),
            "client_identifier": record.client_identifier or "",
            "contact_number": number,
            "did": handed.dids[0] if handed.dids else "",
        },
        struck=frozenset(i for i in range(len(record.numbers)) if handed.struck >> i & 1),
        user=contact.values if contact is not None else {},
        user_system=about,
        last_attempt=record.attempts_charged + 1 >= prepared.rule.attempts,
        last_agent_attempt=record.agent_charged + 1 >= prepared.calls.agent_reattempts.attempts,
        country=handed.account.country,
        inbound=prepared.inbound,
        lacks=frozenset(switch for switch in OF_FLOWS if not handed.account.has(switch)),
    )
