"""What a step of a flow may ask others to do while it waits: a web request, a message, a recording, a conversation.

An errand is a value: the step that sends it waits for one ErrandDone with the word that says how it went, and takes its
branch by that word. Who runs which errand stands in one table of the voice node (path step 4); an errand that nobody runs
on this installation comes back as ``not_configured``.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from typing_extensions import override

from central.domain.short_messages import Encoding
from central.flow.media import Media

DialMode = Literal["agent_first", "progressive", "predictive"]
"""Who is called first, and who says when (domain 9.1)."""

NOT_CONFIGURED = "not_configured"
"""The outcome of an errand that this installation has no runner for."""

TIMED_OUT = "timed_out"
"""The outcome of an errand that brought nothing back within its step's time limit."""


CUSTOMER_LEFT = "customer_left"
"""The outcome of a conversation that the customer ended. Flows give it themselves when the customer's leg ends in one."""

TRANSFERRED = "transferred"
"""The outcome of TransferToFlow by which the call goes on in the other flow."""

FLOW_REFUSALS = frozenset({"flow_unknown", "flow_archived", "flow_kind", "flow_not_running", "flow_not_published"})
"""Why a call cannot go on in a flow: there is none of this name, it is archived, it is of a type that calls cannot enter, it
is switched off or paused, it has no production version."""

CALLER_ABANDONED = "caller_abandoned"
"""``$flow.syskey.queue_outcome`` of a customer who hung up while he waited in a queue (domain 9.4)."""


class StartFlow(msgspec.Struct, frozen=True, tag="start_flow"):
    """Call ``number`` by another outbound flow, ``after_s`` seconds from now.

    Outcomes: started (values: ``record_id``, ``request_id``, ``status``), failed.
    """

    flow: str
    number: str
    after_s: float = 0.0
    variables: dict[str, str] = {}
    client_identifier: str = ""


class RecordVoice(msgspec.Struct, frozen=True, tag="record_voice"):
    """Record the customer, at most ``max_s`` seconds, until ``silence_s`` of silence or EndErrand. ``beep``: sound one first.

    Outcomes: recorded, empty (less than a second of sound), failed. Values: ``name`` and ``seconds`` of the recording.
    """

    max_s: float
    silence_s: float
    beep: bool = True


class SendSms(msgspec.Struct, frozen=True, tag="send_sms"):
    """Hand one short message over, and hear what becomes of it for ``wait_s`` seconds; 0 = not at all.

    Outcomes: accepted (it is on its way), failed; with a wait also delivered, not_delivered. ``values``: its status and reason.

    to: E.164 digits. encoding, parts: how it will go out (domain/short_messages.py). sender "" = the account's own.
    template_id, entity_id: registration ids where the country requires them, else "". shorten: web addresses become short links.
    shown: the text as people see it, secrets
    masked, None = the text itself. hidden: the number is a secret. priority: 0 to 3, None = the carrier's.
    """

    to: str
    text: str
    encoding: Encoding
    parts: int
    sender: str = ""
    template_id: str = ""
    entity_id: str = ""
    wait_s: float = 0.0
    shorten: bool = False
    shown: str | None = None
    hidden: bool = False
    priority: int | None = None


class SendEmail(msgspec.Struct, frozen=True, tag="send_email"):
    """Hand one e-mail over, a row for each recipient. Outcomes: accepted (by one recipient's row at least), failed.

    to, cc, bcc: addresses of a lawful shape, no address twice. text or html is set. attachments: names of the account's
    files. sender "" = the account's own. values of ``failed``: status and reason of the first row. shown: the subject as people see it,
    secrets masked, None = the subject itself. hidden: one of the addresses is a secret.
    """

    to: tuple[str, ...]
    subject: str
    text: str = ""
    html: str = ""
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    sender: str = ""
    attachments: tuple[str, ...] = ()
    tracking: bool = False
    shown: str | None = None
    hidden: bool = False


class BridgeNumber(msgspec.Struct, frozen=True, tag="bridge_number"):
    """Ring ``number`` and let it talk with the customer, who hears it ringing meanwhile. A staged errand, see below.

    number: E.164 digits, not yet judged: its runner asks the lists (blacklist, whitelist while testing, international) and
    the account's money, as a claim does. caller_id "" = the platform chooses, ``anonymous`` shows none. ring_timeout_s is
    counted from the INVITE. whisper: said to the called party alone, after it answered and before they are joined.

    Outcomes: answered = they talked, the called party hung up, and the customer is still there; customer_left = they talked
    and the customer hung up; busy; no_answer = not answered in time, or nobody responds; failed = any other end, or nothing
    was sent, ``detail`` says why. In the last three the customer is still there and heard the ringing at most. When the
    customer leaves before they talk, the errand is dropped: the runner ends the called party's leg.
    """

    number: str
    ring_timeout_s: float
    caller_id: str = ""
    whisper: Media | None = None
    role: Literal["third_party", "agent"] = "third_party"


class ConnectAgent(msgspec.Struct, frozen=True, tag="connect_agent"):
    """Let the customer wait for an agent of a queue, or for one agent, and talk with him. A staged errand, see below.

    Exactly one of ``queue`` and ``agent`` is set, both by name. skills: what the agent must have. priority: 0 to 9, the
    highest first. max_wait_s: how long the customer waits at most, the ringing of agents included. music: a prompt of the
    library, "" = the queue's. announce_position: he is told how many are before him. whisper: said to the agent alone before
    they are joined. record: the conversation is recorded.

    Outcomes: agent_allocated = they talked, the agent hung up, and the customer is still there; customer_left = they talked
    and the customer hung up; max_wait_time_reached; no_agent_available = nobody is there who could take it, or there is no
    such queue or agent; queue_full; agent_lost = the agent's leg broke in the conversation, and nobody took over; failed.
    """

    queue: str = ""
    agent: str = ""
    max_wait_s: float = 300.0
    skills: tuple[str, ...] = ()
    priority: int = 0
    music: str = ""
    announce_position: bool = False
    whisper: Media | None = None
    record: bool = False
    ring_timeout_s: float | None = None
    caller_id: str = ""


class ReachBoth(msgspec.Struct, frozen=True, tag="reach_both"):
    """Bring an agent of ``queue`` and the record's customer together; the step calls the customer itself. A staged errand, see below.

    mode: agent_first = the agent is rung, and told ``whisper``, before the customer is called; progressive = an agent is reserved,
    and rung when the customer answers; predictive = one is looked for when he answers. The errand tells the stage ``agent`` when
    the customer may be called. skills, priority: as in ConnectAgent. max_wait_s: how long an agent is waited for. agent_ring_s: how
    long one is rung, None = as the queue says. music: a prompt of the library that the agent hears while the customer is called,
    "" = ringing.

    Outcomes: connected = they talked, the agent hung up, and the customer is still there; customer_left = they talked and the
    customer hung up; agent_missing = nobody took the call; agent_left = the agent hung up before the customer answered;
    agent_lost = his leg broke in the conversation; abandoned = the customer answered and no agent was there in time; failed.
    """

    queue: str
    mode: DialMode = "agent_first"
    skills: tuple[str, ...] = ()
    priority: int = 0
    max_wait_s: float = 60.0
    agent_ring_s: float | None = None
    whisper: Media | None = None
    music: str = ""


class TransferToFlow(msgspec.Struct, frozen=True, tag="transfer_to_flow"):
    """Let the customer's call go on in the production version of another flow of the account, by name or id.

    When it is found, the call goes on there (``interpreter.enter``) and nothing comes back to the step. Outcomes otherwise:
    those of FLOW_REFUSALS, failed.
    """

    flow: str


class ShortenLink(msgspec.Struct, frozen=True, tag="shorten_link"):
    """Make a short address for ``url`` that works for so many days; ``shown`` is the url with secrets masked.

    Outcomes: shortened (values: ``link``), failed.
    """

    url: str
    shown: str
    days: int


class UpdateContact(msgspec.Struct, frozen=True, tag="update_contact"):
    """Keep these values about the customer, each beside those that are there; an empty one goes. Outcomes: updated, failed."""

    values: dict[str, str]


class CallWebhook(msgspec.Struct, frozen=True, tag="call_webhook"):
    """Ask a web server. Outcomes: success (2xx), failure.

    Brings back ``response_status_code`` ("" = no answer), ``response_duration`` (whole ms), ``response_raw`` (the beginning
    of the body as text), ``response_cut`` ("yes" = there was more), ``response_error`` (a stable word, "" = none).

    url: absolute and percent-encoded; "" = the account's saved endpoint named ``endpoint``, with its log-in. query: encoded,
    added to the URL. headers go with every request; ``login`` only to the first origin, not along a redirect elsewhere.
    body: None = none. sealed: the body holds a secret, so that no redirect may carry it elsewhere. key: the same whenever
    this very request is sent, so that the far side can tell.
    """

    method: str
    url: str
    timeout_s: float
    key: str
    query: str = ""
    headers: dict[str, str] = {}
    login: dict[str, str] = {}
    body: str | None = None
    sealed: bool = False
    endpoint: str = ""

    @override
    def __repr__(self) -> str:
        """Names the request only: the rest holds personal data and secrets."""
        return f"CallWebhook(key={self.key})"


class FetchSound(msgspec.Struct, frozen=True, tag="fetch_sound"):
    """Fetch a recording from the web and make it playable, within ``timeout_s``. url: absolute and percent-encoded.

    Outcomes: fetched (values: ``file``, for a Sound), failed (values: ``error``, one of ``SOUND_ERRORS``).
    """

    url: str
    timeout_s: float

    @override
    def __repr__(self) -> str:
        """Without the address: it may hold personal data and secrets."""
        return f"FetchSound(timeout_s={self.timeout_s})"


SOUND_ERRORS = ("url_refused", "url_failed", "url_no_audio", "url_too_large", "url_too_long")
"""Why there is no sound: the address may not be asked; nothing came in time, or an error; no audio; too many bytes; too long."""


class RecogniseSpeech(msgspec.Struct, frozen=True, tag="recognise_speech"):
    """Listen to the customer until he has said something. At EndErrand: only what he is saying at that very moment.

    It may run while something is played to him. phrases: what he is likely to say, as hints. language: a tag such as en or
    pt-BR. longest_s: as long as one answer may be.

    Outcomes: heard (values: ``words``, and their ``confidence`` from 0 to 1), nothing, failed.
    """

    phrases: tuple[str, ...]
    language: str
    longest_s: float


# Staged errands bring somebody to the customer. Their runners tell ErrandMoved("conversation") as soon as both sides hear each
# other (until then the errand has the time limit of its step, from then on that of the run), and ErrandMoved("waiting") when
# the other side was lost and another is looked for; ReachBoth tells ErrandMoved("agent") as well. When the customer's leg ends, whoever ended it, the errand is dropped.
Errand = (
    StartFlow
    | UpdateContact
    | ShortenLink
    | RecordVoice
    | SendSms
    | SendEmail
    | BridgeNumber
    | ConnectAgent
    | ReachBoth
    | TransferToFlow
    | CallWebhook
    | FetchSound
    | RecogniseSpeech
)
