"""The kinds of record events: what the timeline of a record is made of, appended and never changed (domain G3).

An event explains; the status column is the truth. ``LATE`` keeps news that came after the record was final.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class RecordEvent(StrEnum):
    """One kind of event a line, named by noun and participle; the text behind it says what has happened."""

    RECORD_CREATED = "record_created"
    """The record was stored, with the input row, the checks and the status that they gave."""
    CALL_ARRIVED = "call_arrived"
    """A customer called: the record was made with its attempt and its leg, or ended because the account could not take it."""
    RECORD_CHECKED = "record_checked"
    """Checks that were outstanding have run."""
    STATUS_CHANGED = "status_changed"
    """The status moved along an edge of the catalogue: from, to, reason, rule, sentence, actor."""
    RECORD_SCHEDULED = "record_scheduled"
    """A due time was set or moved into the calling window."""
    RECORD_CLAIMED = "record_claimed"
    """A worker took the record under a lease and a fencing number."""
    RECORD_JUDGED = "record_judged"
    """Checks were repeated at the claim: lists, validity, balance, window."""
    RECORD_PUT_BACK = "record_put_back"
    """The claim was given up without an attempt; the due time says when next."""
    ATTEMPT_STARTED = "attempt_started"
    """The attempt row exists; nothing was sent before this."""
    ATTEMPT_ENDED = "attempt_ended"
    """The attempt is over, with its result and whether it was charged."""
    LEG_DIALED = "leg_dialed"
    """The leg row exists and its call is about to be sent."""
    LEG_RANG = "leg_rang"
    """The far side alerted the callee."""
    LEG_ANSWERED = "leg_answered"
    """The far side answered."""
    LEG_ENDED = "leg_ended"
    """The leg is over, with evidence, connection status and codes."""
    STEP_ENTERED = "step_entered"
    """The flow reached a step."""
    BRANCH_TAKEN = "branch_taken"
    """A step chose one of its outputs."""
    VARIABLE_STORED = "variable_stored"
    """A variable got a value (secrets masked)."""
    DIGITS_COLLECTED = "digits_collected"
    """Keys were pressed; ``!`` stands for no valid input."""
    PROMPT_PLAYED = "prompt_played"
    """A prompt was played or failed to play."""
    WARNING_GIVEN = "warning_given"
    """The flow went on in spite of something, such as an unset variable."""
    FLOW_ENDED = "flow_ended"
    """The main path of the flow stopped, with the kind of its end."""
    NUMBER_STRUCK = "number_struck"
    """A number proved permanently bad and is not dialled again."""
    NUMBER_DROPPED = "number_dropped"
    """Intake dropped an unusable alternate."""
    COST_RESERVED = "cost_reserved"
    """Money was set aside for a leg."""
    COST_SETTLED = "cost_settled"
    """The leg's cost was booked and the rest released."""
    RUN_PUT_TO_SLEEP = "run_put_to_sleep"
    """The flow waits without a leg: its run is stored, its record given back until the due time."""
    RUN_WOKEN = "run_woken"
    """A claim handed the record to a node again: the same attempt goes on."""
    RECORD_PAUSED = "record_paused"
    """A pause holds the record; previous status and due time are kept."""
    RECORD_RESUMED = "record_resumed"
    """The pause ended; the expiry moved by its length."""
    RECORD_STOPPED = "record_stopped"
    """A user stopped the record, its request or its flow."""
    RECORD_REQUEUED = "record_requeued"
    """A user reopened the record: a new epoch begins."""
    LEASE_EXPIRED = "lease_expired"
    """The worker that held the record fell silent; its work is reconciled."""
    RECORD_RECONCILED = "record_reconciled"
    """What the voice engine still knew closed the gap, or the attempt was closed as unknown."""
    TRACE_STORED = "trace_stored"
    """The leg's SIP messages were stored."""
    WEBHOOK_QUEUED = "webhook_queued"
    """A push for this record stands in the outbox."""
    LINK_CLICKED = "link_clicked"
    """Somebody opened a short link that the record's flow made."""
    DISPOSITION_SAVED = "disposition_saved"
    """An agent said what came of his call, or did not although he had to; with what follows from it."""
    LATE = "late"
    """News that came too late to matter: kept and shown, not obeyed."""


class Actor(StrEnum):
    """Who caused an event."""

    SYSTEM = "system"
    USER = "user"
    API_KEY = "api_key"
    CUSTOMER = "customer"
    CARRIER = "carrier"


PERMANENT: Final = frozenset(
    {
        RecordEvent.RECORD_CREATED,
        RecordEvent.CALL_ARRIVED,
        RecordEvent.STATUS_CHANGED,
        RecordEvent.ATTEMPT_ENDED,
        RecordEvent.LEG_ENDED,
    }
)
"""Kinds that retention keeps longest: without them a status could not be explained."""
