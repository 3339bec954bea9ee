"""What the parts of the conversation share: the node's ports, its writer, its calls (path step 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from central.application.conversation.group_commit import GroupCommit
from central.application.conversation.live_call import LiveCall, LiveLeg
from central.application.conversation.trunk_limits import TrunkLimits
from central.application.ports.journal import JournalStore, RecordEvent
from central.application.ports.library import AccountTrunk, NumberLists
from central.application.ports.speech import PromptLibrary, SpeechRenderer
from central.application.ports.telemetry import Telemetry
from central.application.ports.telephony import Telephony
from central.application.ports.world import Clock, Ids, Timers
from central.domain.ids import AccountId, EventId, LegId, RecordId
from central.flow.commands import Note


@dataclass(slots=True)
class VoiceDesk:
    """One voice node's working set. ``by_leg`` finds the call of an engine event, ``calls`` that of a record.

    ``further`` are the legs of others than the customer. ``lists`` None: no further number can be called. ``engine_up`` False:
    the engine is away, nothing new is claimed.
    """

    owner: str
    telephony: Telephony
    speech: SpeechRenderer
    prompts: PromptLibrary
    store: JournalStore
    writer: GroupCommit
    limits: TrunkLimits
    clock: Clock
    ids: Ids
    timers: Timers
    telemetry: Telemetry
    lease: timedelta
    engine_up: bool = True
    calls: dict[RecordId, LiveCall] = field(default_factory=dict[RecordId, LiveCall])
    by_leg: dict[LegId, LiveCall] = field(default_factory=dict[LegId, LiveCall])
    further: dict[LegId, LiveLeg] = field(default_factory=dict[LegId, LiveLeg])
    lists: NumberLists | None = None
    trunks: Sequence[AccountTrunk] = ()
    ended_legs: list[tuple[float, AccountId, RecordId, LegId]] = field(
        default_factory=list[tuple[float, AccountId, RecordId, LegId]]
    )

    def routes(self, account_id: AccountId, number: str) -> tuple[AccountTrunk, ...]:
        """The account's trunks for a number in the order to try: longest prefix first, then priority, then name."""
        found: list[tuple[int, int, str, AccountTrunk]] = []
        for trunk in self.trunks:
            if trunk.account_id != account_id:
                continue
            best = min(((-len(p), prio) for p, prio in trunk.routes if number.startswith(p)), default=None)
            if best is not None:
                found.append((*best, trunk.trunk.name, trunk))
        return tuple(trunk for *_, trunk in sorted(found, key=lambda item: item[:3]))

    def tell(self, call: LiveCall, kind: str, data: dict[str, object], *, late: bool = False) -> None:
        """Add a line to the record's history."""
        self.writer.tell(self.line(call, kind, data, late=late))

    def line(self, call: LiveCall, kind: str, data: dict[str, object], *, late: bool = False) -> RecordEvent:
        """A line of the record's history, as of now."""
        return RecordEvent(
            account_id=call.account_id,
            record_id=call.record_id,
            id=EventId(self.ids.uuid()),
            at=self.clock.now(),
            kind=kind,
            data=data,
            late=late,
        )

    def warn(self, call: LiveCall, code: str, detail: str = "") -> None:
        """A warning on the way through the flow, of the step that it stands at."""
        data = {"code": code, "detail": detail} if detail else {"code": code}
        call.notes.append(Note("warning", self.clock.now(), call.run.step, data))

    def tell_notes(self, call: LiveCall) -> None:
        """Add what the flow noted since the last time: the path with its branches, digits and variables."""
        if call.notes:
            notes: list[dict[str, object]] = []
            said: datetime | None = None
            for n in call.notes:
                when = {} if n.at == said else {"at": n.at}  # many things happen at one moment: it is written once
                notes.append({"kind": n.kind, "step": n.step, **when, **n.data})
                said = n.at
            call.notes, call.notes_since = [], None
            self.tell(call, "flow_walked", {"attempt": call.handed.attempt_number, "notes": notes})
