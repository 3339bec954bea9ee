"""What the API is built from: one frozen set of use cases, made by bootstrap; the HTTP layer itself knows no adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from central.application.administration.arrange_flow import ArrangeFlow
from central.application.administration.authenticate_key import AuthenticateKey
from central.application.administration.compare_versions import CompareVersions
from central.application.administration.control_work import ControlWork
from central.application.administration.edit_list import EditList
from central.application.administration.import_list import ImportList
from central.application.administration.keep_contacts import KeepContacts
from central.application.administration.keep_files import KeepFiles
from central.application.administration.keep_keys import KeepKeys
from central.application.administration.keep_prompts import KeepPrompts
from central.application.administration.maintain_account import ChangeAccount, OperateAccounts, ReadAccount
from central.application.administration.maintain_agents import MaintainAgents, MaintainPauseCodes
from central.application.administration.maintain_carriers import MaintainCarriers
from central.application.administration.maintain_dispositions import MaintainDispositions
from central.application.administration.maintain_endpoints import MaintainEndpoints
from central.application.administration.maintain_mail_domains import MaintainMailDomains
from central.application.administration.maintain_people import MaintainPeople
from central.application.administration.maintain_policies import MaintainPolicies
from central.application.administration.maintain_queues import MaintainQueues
from central.application.administration.maintain_templates import MaintainTemplates
from central.application.administration.maintain_text_answers import MaintainTextAnswers
from central.application.administration.maintain_text_routes import MaintainTextRoutes
from central.application.administration.maintain_trunks import MaintainDids, MaintainTrunks
from central.application.administration.publish_flow import PublishFlow
from central.application.administration.save_flow import SaveFlow
from central.application.contact_center.keep_status import KeepStatus
from central.application.contact_center.save_disposition import SaveDisposition
from central.application.intake.receive_upload import Upload
from central.application.intake.submit_records import Receipt, Submission
from central.application.messaging.send_emails import SendEmails
from central.application.messaging.send_sms import SendSms
from central.application.messaging.take_back import TakeBack
from central.application.messaging.take_events import TakeEvents
from central.application.messaging.take_receipts import TakeReceipts
from central.application.messaging.track_mail import TrackMail
from central.application.ports.administration import IdempotencyStore
from central.application.ports.internal_functions import LinkStore
from central.application.ports.outbox import Courier, DeadLetters
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.application.reporting.read_messages import ReadMessages
from central.application.reporting.read_recordings import ReadRecordings
from central.domain.ids import AccountId, RecordId, RequestId


class SubmitRecords(Protocol):
    """``application/intake/submit_records.py``."""

    async def __call__(self, account_id: AccountId, submission: Submission, actor: str) -> Receipt:
        """Store a request with 1 to 500 records."""
        ...


class ReceiveUpload(Protocol):
    """``application/intake/receive_upload.py``."""

    async def __call__(
        self, account_id: AccountId, upload: Upload, body: AsyncIterator[bytes], actor: str
    ) -> RequestId:
        """Receive a file; loading follows in the background."""
        ...


class ReloadRequest(Protocol):
    """Make a new request from final records of an old one (domain specification, section 7.6)."""

    async def __call__(self, account_id: AccountId, request_id: RequestId, actor: str) -> RequestId:
        """The id of the new request. Raises NotFound ``request_not_found``, Conflict ``nothing_to_reload``."""
        ...


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests a list shows. ``status``: Scheduled, In process, Completed. Times are aware."""

    status: str | None = None
    flow: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records of a request a list shows; ``record_class``: valid, invalid, ncpr, pending."""

    status: str | None = None
    reason: str | None = None
    record_class: str | None = None
    number: str | None = None
    client_identifier: str | None = None


Document = Mapping[str, object]
"""A JSON-ready document of reporting: times aware, numbers unmasked in fields named ``number*``."""


class Reporting(Protocol):
    """Reading requests, records and their explanations (step 7). All raise NotFound for what the account does not have.

    A page is ``limit`` rows at most, in the order of their ids (requests: newest first).
    """

    async def requests(
        self, account_id: AccountId, wanted: RequestFilter, before: RequestId | None, limit: int
    ) -> Sequence[Document]:
        """Requests with their counts, newest first; each has ``request_id``."""
        ...

    async def request(self, account_id: AccountId, request_id: RequestId) -> Document:
        """One request with ``counts`` (loaded, valid, invalid, ncpr, pending, added, completed), ``progress``, ``status``."""
        ...

    async def records(
        self, account_id: AccountId, request_id: RequestId, wanted: RecordFilter, after: RecordId | None, limit: int
    ) -> Sequence[Document]:
        """Records of a request by id; each has ``record_id`` and ``numbers``."""
        ...

    async def report(self, account_id: AccountId, request_id: RequestId) -> Document:
        """Records by status and class, legs by connection status, attempts, calls per second, duration."""
        ...

    def rejects(self, account_id: AccountId, request_id: RequestId) -> AsyncIterator[Sequence[Document]]:
        """Batches of records that intake refused, by row: row, status, reason, sentence, numbers, client_identifier."""
        ...

    async def record(self, account_id: AccountId, record_id: RecordId) -> Document:
        """One record with its attempts and legs."""
        ...

    async def timeline(self, account_id: AccountId, record_id: RecordId) -> Document:
        """The explanation: input row, checks, schedule decisions, attempts, legs, SIP messages, path, rule of each status."""
        ...


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One neighbour of the installation and how it is."""

    name: str
    state: str
    detail: str = ""
    needed: bool = True


Readiness = Callable[[], Awaitable[Sequence[Neighbour]]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the API takes at most. ``operator_key_hash``: SHA-256 of the operator's key; None = no operator routes.

    ``open_per_minute``: how often one address may follow links; ``link_address``: what stands before a link's code.
    """

    body_bytes: int = 8_000_000
    upload_bytes: int = 2_147_483_648
    list_import_bytes: int = 2_147_483_648
    prompt_bytes: int = 20_971_520
    live_interval_s: float = 1.0
    idempotency_stale_s: float = 120.0
    upload_stale_s: float = 3600.0
    open_per_minute: int = 600
    link_address: str = "/l/"
    operator_key_hash: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Messaging:
    """SMS and e-mail: who takes them over, how they are sent alone, how they are read."""

    carriers: MaintainCarriers
    send_sms: SendSms
    send_emails: SendEmails
    domains: MaintainMailDomains
    files: KeepFiles
    templates: MaintainTemplates
    text_routes: MaintainTextRoutes
    text_answers: MaintainTextAnswers
    track: TrackMail
    read: ReadMessages
    take_back: TakeBack
    take_receipts: TakeReceipts
    take_events: TakeEvents


@dataclass(frozen=True, slots=True)
class CallCentre:
    """Agents, their queues and their statuses."""

    agents: MaintainAgents
    queues: MaintainQueues
    pause_codes: MaintainPauseCodes
    status: KeepStatus
    dispositions: MaintainDispositions
    said: SaveDisposition


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that the routes call."""

    clock: Clock
    ids: Ids
    telemetry: Telemetry
    authenticate: AuthenticateKey
    idempotency: IdempotencyStore
    account: ReadAccount
    change_account: ChangeAccount
    people: MaintainPeople
    keys: KeepKeys
    trunks: MaintainTrunks
    dids: MaintainDids
    messaging: Messaging
    call_centre: CallCentre
    lists: EditList
    import_list: ImportList
    flows: SaveFlow
    publish: PublishFlow
    versions: CompareVersions
    arrange: ArrangeFlow
    prompts: KeepPrompts
    control: ControlWork
    endpoints: MaintainEndpoints
    dead_letters: DeadLetters
    courier: Courier
    policies: MaintainPolicies
    submit: SubmitRecords
    receive: ReceiveUpload
    reload: ReloadRequest
    contacts: KeepContacts
    links: LinkStore
    reporting: Reporting
    readiness: Readiness
    metrics: Callable[[], tuple[bytes, str]]
    limits: Limits = Limits()
    operate_accounts: OperateAccounts | None = None
    operate_change: ChangeAccount | None = None
    operate_keys: KeepKeys | None = None
    operate_policies: MaintainPolicies | None = None
    recordings: ReadRecordings | None = None
