"""The API on a real PostgreSQL behind uvicorn on loopback; neighbours that are not the subject are small fakes."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from central.adapters.passwords import Argon2Passwords
from central.adapters.postgres.administration_accounts import (
    PostgresAccounts,
    PostgresIdempotency,
    PostgresKeys,
    PostgresPeople,
    PostgresPolicies,
)
from central.adapters.postgres.administration_control import PostgresControl
from central.adapters.postgres.administration_flows import PostgresEndpoints, PostgresFlows
from central.adapters.postgres.administration_numbers import PostgresDids, PostgresLists, PostgresTrunks
from central.adapters.postgres.contacts import PostgresContacts, PostgresLinks
from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.flow_names import PostgresFlowNames
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.outbox import PostgresDeadLetters
from central.adapters.postgres.pool import Pool
from central.adapters.postgres.prompts import PostgresPrompts
from central.adapters.postgres.recordings import PostgresRecordings
from central.adapters.postgres.saved_endpoints import PostgresSavedEndpoints
from central.adapters.recordings.folder import FolderStorage
from central.adapters.speech.config import SpeechConfig
from central.adapters.speech.prompts import PromptFiles
from central.adapters.system import SystemClock, SystemIds
from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.url_policy import WebhookUrlPolicy
from central.application.administration.acting import Actor, Auditor
from central.application.administration.arrange_flow import ArrangeFlow
from central.application.administration.authenticate_key import AuthenticateKey
from central.application.administration.compare_versions import CompareVersions
from central.application.administration.control_work import ControlWork
from central.application.administration.edit_list import EditList
from central.application.administration.find_missing import FindMissing
from central.application.administration.import_list import ImportList
from central.application.administration.keep_contacts import KeepContacts
from central.application.administration.keep_keys import KeepKeys
from central.application.administration.keep_prompts import KeepPrompts
from central.application.administration.maintain_account import (
    OPERATOR_FIELDS,
    ChangeAccount,
    OperateAccounts,
    ReadAccount,
)
from central.application.administration.maintain_endpoints import MaintainEndpoints
from central.application.administration.maintain_people import MaintainPeople
from central.application.administration.maintain_policies import MaintainPolicies
from central.application.administration.maintain_trunks import MaintainDids, MaintainTrunks
from central.application.administration.publish_flow import PublishFlow
from central.application.administration.save_flow import SaveFlow
from central.application.intake.receive_upload import Upload
from central.application.intake.submit_records import MOST_RECORDS, Receipt, RecordReceipt, Submission
from central.application.ports.administration import AccountRow
from central.application.ports.outbox import Delivery
from central.application.reporting.read_recordings import ReadRecordings
from central.bootstrap.api import messaging
from central.bootstrap.call_centre import call_centre, follow_up
from central.domain.delivery import Answer, HttpAnswer
from central.domain.errors import InvalidInput, NotFound
from central.domain.ids import AccountId, RecordId, RequestId
from central.domain.intake_facts import Verdict
from central.domain.recording_links import RecordingLinks
from central.domain.statuses import FlowStatus
from central.entrypoints.api.app import create_app
from central.entrypoints.api.gate import Api
from central.entrypoints.api.services import (
    Document,
    Limits,
    Neighbour,
    RecordFilter,
    RequestFilter,
    Services,
)
from central.settings import Settings
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.provider_pages import ProviderPagesHere

LINKS = RecordingLinks("https://central.test/api/v1", "a secret of this test")
OPERATOR_KEY = "op_" + "x" * 40
MOST_PROMPT_BYTES = 2_000_000
SETTINGS = Settings(
    state_dir=Path("/nowhere"),
    cache_dir=Path("/nowhere"),
    mail_token_secret="kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
    bounce_domain="bounces.example.net",
)
LIMITS = Limits(
    body_bytes=1_000_000,
    prompt_bytes=MOST_PROMPT_BYTES,
    live_interval_s=0.01,
    operator_key_hash=sha256(OPERATOR_KEY.encode()).digest(),
)
WAV = {"Content-Type": "audio/wav"}
EXAMPLE = Path(__file__).parents[3] / "examples" / "appointment-reminder.yaml"
PLAN: dict[str, Any] = {"name": "standard", "voice": [{"prefix": "", "pulse_s": 60, "per_pulse": 0}]}


@dataclass
class Intake:
    """Submit and receive as the API sees them: what came is remembered, every record is accepted."""

    submitted: list[tuple[AccountId, Submission]] = field(default_factory=list[tuple[AccountId, Submission]])
    uploaded: list[tuple[AccountId, Upload, bytes]] = field(default_factory=list[tuple[AccountId, Upload, bytes]])
    ids: SystemIds = field(default_factory=SystemIds)

    async def submit(self, account_id: AccountId, submission: Submission, actor: str) -> Receipt:
        del actor
        if len(submission.records) > MOST_RECORDS:
            raise InvalidInput("too_many_records", f"A request holds at most {MOST_RECORDS} records.")
        self.submitted.append((account_id, submission))
        receipts = [
            RecordReceipt(
                str(self.ids.uuid()),
                record.client_identifier,
                Verdict(record.row, FlowStatus.UNPROCESSED, "", "accept", "Accepted.", record.numbers),  # type: ignore[arg-type]
            )
            for record in submission.records
        ]
        return Receipt(RequestId(self.ids.uuid()), receipts)

    async def receive(self, account_id: AccountId, upload: Upload, body: AsyncIterator[bytes], actor: str) -> RequestId:
        del actor
        content = b"".join([chunk async for chunk in body])
        self.uploaded.append((account_id, upload, content))
        return RequestId(self.ids.uuid())

    async def reload(self, account_id: AccountId, request_id: RequestId, actor: str) -> RequestId:
        del account_id, request_id, actor
        raise NotFound("request_not_found", "There is no such request in this account.")


@dataclass
class Reports:
    """Reporting as the API sees it: documents by account."""

    documents: dict[tuple[AccountId, str], dict[str, Any]] = field(
        default_factory=dict[tuple[AccountId, str], dict[str, Any]]
    )
    record_rows: dict[tuple[AccountId, str], list[dict[str, Any]]] = field(
        default_factory=dict[tuple[AccountId, str], list[dict[str, Any]]]
    )

    async def requests(
        self, account_id: AccountId, wanted: RequestFilter, before: RequestId | None, limit: int
    ) -> Sequence[Document]:
        del wanted, before
        return [d for (owner, _), d in self.documents.items() if owner == account_id and "request_id" in d][:limit]

    async def request(self, account_id: AccountId, request_id: RequestId) -> Document:
        return self._find(account_id, str(request_id), "request")

    async def records(
        self, account_id: AccountId, request_id: RequestId, wanted: RecordFilter, after: RecordId | None, limit: int
    ) -> Sequence[Document]:
        del wanted
        self._find(account_id, str(request_id), "request")
        rows = self.record_rows.get((account_id, str(request_id)), [])
        return [row for row in rows if after is None or row["record_id"] > str(after)][:limit]

    async def report(self, account_id: AccountId, request_id: RequestId) -> Document:
        return self._find(account_id, str(request_id), "request")

    async def rejects(self, account_id: AccountId, request_id: RequestId) -> AsyncIterator[Sequence[Document]]:
        yield self.record_rows.get((account_id, str(request_id)), [])

    async def record(self, account_id: AccountId, record_id: RecordId) -> Document:
        return self._find(account_id, str(record_id), "record")

    async def timeline(self, account_id: AccountId, record_id: RecordId) -> Document:
        return self._find(account_id, str(record_id), "record")

    def _find(self, account_id: AccountId, key: str, what: str) -> dict[str, Any]:
        found = self.documents.get((account_id, key))
        if found is None:
            raise NotFound(f"{what}_not_found", f"There is no such {what} in this account.")
        return found


@dataclass
class PostingCourier:
    """Answers 200 to every test post and remembers it."""

    posted: list[Delivery] = field(default_factory=list[Delivery])

    async def post(self, delivery: Delivery, at: object) -> Answer:
        del at
        self.posted.append(delivery)
        return HttpAnswer(200, 3)


@dataclass
class Stage:
    """The application with everything around it that a test may look at."""

    app: Api
    services: Services
    intake: Intake
    reports: Reports
    courier: PostingCourier
    telemetry: ObservedTelemetry
    client: httpx.AsyncClient
    neighbours: list[Neighbour]

    async def account(self, name: str = "Acme", **fields: Any) -> Tenant:
        """A new account with an owner's key."""
        assert self.services.operate_accounts is not None
        assert self.services.operate_keys is not None
        row = await self.services.operate_accounts.create(replace(_account(), name=name, **fields))
        _, key = await self.services.operate_keys.issue(Actor(row.id, "operator"), "first", "owner")
        return Tenant(row.id, key, self.client)


@dataclass
class Tenant:
    """Somebody with a key."""

    id: AccountId
    key: str
    client: httpx.AsyncClient

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers: Mapping[str, str] = {"Authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self.call("POST", path, **({"json": json} if json is not None else {}), **options)

    async def with_key(self, role: str, scopes: list[str] | None = None) -> Tenant:
        made = await self.post("/keys", {"name": role, "role": role, "scopes": scopes})
        assert made.status_code == 201, made.text
        return Tenant(self.id, made.json()["secret"], self.client)

    async def flow(self, name: str = "appointment_reminder", number: str = "+912212345678") -> dict[str, Any]:
        """A flow with a DID."""
        await self.call("POST", "/dids", json={"dids": [{"number": number}]})
        made = await self.post("/flows", content=document(name), headers={"Content-Type": "application/yaml"})
        assert made.status_code == 201, made.text
        flow: dict[str, Any] = made.json()
        attached = await self.call("PUT", f"/flows/{flow['id']}/dids", json={"dids": [number]})
        assert attached.status_code == 200, attached.text
        return flow


def document(name: str = "appointment_reminder") -> bytes:
    """The example flow under another name."""
    text = EXAMPLE.read_text(encoding="utf-8")
    return re.sub(r"(?m)^flow: .*$", f"flow: {name}", text).encode()


def _account() -> AccountRow:
    return AccountRow(
        id=AccountId(SystemIds().uuid()),
        name="Acme",
        kind="company",
        state="active",
        valid_until=date(2099, 12, 31),
        currency="INR",
        credit_limit=0,
        rate_plan=PLAN,
        country="IN",
        time_zone="Asia/Kolkata",
        international=False,
        plain_http_webhooks=False,
        pending_cap=1000,
        channel_cap=10,
        cps_cap=10,
        api_per_minute=100_000,
        weight=1,
        policy_id="IN",
        policy_version=None,
        check_ip=False,
        settings={},
        created_at=SystemClock().now(),
        balance=100_000_000,
    )


async def _readiness() -> Sequence[Neighbour]:
    return [Neighbour("postgresql", "up")]


def make_services(
    api_pool: Pool, worker_pool: Pool, intake: Intake, reports: Reports, courier: PostingCourier, prompts: PromptFiles
) -> Services:
    auditor, telemetry = Auditor(clock := SystemClock(), ids := SystemIds()), ObservedTelemetry()
    accounts, flows, lists = PostgresAccounts(api_pool), PostgresFlows(api_pool), PostgresLists(api_pool)
    operated = PostgresAccounts(worker_pool)
    library = PostgresLibrary(worker_pool, PostgresDispatch(worker_pool, ids), clock)
    missing = FindMissing(
        PostgresPrompts(api_pool), PostgresSavedEndpoints(api_pool), PostgresFlowNames(api_pool), accounts
    )
    return Services(
        clock=clock,
        ids=ids,
        telemetry=telemetry,
        authenticate=AuthenticateKey(PostgresKeys(api_pool)),
        idempotency=PostgresIdempotency(api_pool),
        account=ReadAccount(accounts),
        change_account=ChangeAccount(accounts, library, auditor),
        people=MaintainPeople(PostgresPeople(api_pool), Argon2Passwords(), auditor),
        keys=KeepKeys(PostgresKeys(api_pool), auditor),
        trunks=MaintainTrunks(PostgresTrunks(api_pool), auditor),
        dids=MaintainDids(PostgresDids(api_pool), auditor),
        contacts=KeepContacts(PostgresContacts(api_pool), auditor),
        links=PostgresLinks(api_pool),
        messaging=messaging(SETTINGS, api_pool, worker_pool, library, auditor, ProviderPagesHere(), telemetry),
        call_centre=call_centre(api_pool, auditor, library, follow_up(api_pool, library, clock, ids)),
        lists=EditList(lists, auditor),
        import_list=ImportList(lists, auditor),
        flows=SaveFlow(flows, missing, auditor),
        publish=PublishFlow(flows, missing, auditor),
        versions=CompareVersions(flows, PostgresPrompts(api_pool), auditor),
        arrange=ArrangeFlow(flows, auditor),
        prompts=KeepPrompts(prompts, PostgresPrompts(api_pool), auditor),
        control=ControlWork(PostgresControl(api_pool, clock), flows, auditor),
        endpoints=MaintainEndpoints(PostgresEndpoints(api_pool), flows, WebhookUrlPolicy(WebhookConfig()), auditor),
        dead_letters=PostgresDeadLetters(api_pool),
        courier=courier,
        policies=MaintainPolicies(PostgresPolicies(api_pool)),
        submit=intake.submit,
        receive=intake.receive,
        reload=intake.reload,
        reporting=reports,
        readiness=_readiness,
        metrics=lambda: (b"central_up 1\n", "text/plain; version=0.0.4"),
        limits=LIMITS,
        operate_accounts=OperateAccounts(operated, library, auditor),
        operate_change=ChangeAccount(operated, library, auditor, OPERATOR_FIELDS),
        operate_keys=KeepKeys(PostgresKeys(worker_pool), auditor),
        operate_policies=MaintainPolicies(PostgresPolicies(worker_pool)),
    )


@contextlib.asynccontextmanager
async def serving(app: Api) -> AsyncGenerator[str]:
    """The application on a free port; connections wait in the socket's queue until the server takes them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await running


@pytest.fixture
def prompt_files(api_pool: Pool, tmp_path: Path) -> PromptFiles:
    """The library that the application keeps."""
    return PromptFiles(SpeechConfig(tmp_path / "cache", tmp_path / "prompts"), PostgresPrompts(api_pool))


@pytest.fixture
async def stage(api_pool: Pool, worker_pool: Pool, prompt_files: PromptFiles, tmp_path: Path) -> AsyncIterator[Stage]:
    """The running application."""
    intake, reports, courier = Intake(), Reports(), PostingCourier()
    neighbours = [Neighbour("postgresql", "up")]
    services = make_services(api_pool, worker_pool, intake, reports, courier, prompt_files)

    async def readiness() -> Sequence[Neighbour]:
        return neighbours

    kept = ReadRecordings(PostgresRecordings(api_pool), FolderStorage(tmp_path / "kept"), LINKS, SystemClock())
    services = replace(services, readiness=readiness, recordings=kept)
    telemetry = services.telemetry
    assert isinstance(telemetry, ObservedTelemetry)
    app = create_app(services)
    async with serving(app) as address, httpx.AsyncClient(base_url=address) as client:
        yield Stage(app, services, intake, reports, courier, telemetry, client, neighbours)
    for name, keys in telemetry.events:
        if name == "api_request_failed" and isinstance(error := keys["error"], Exception):
            raise error


@pytest.fixture
async def tenant(stage: Stage) -> Tenant:
    """An account with an owner's key."""
    return await stage.account()
