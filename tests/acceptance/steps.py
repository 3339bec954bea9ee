"""The steps of a case file (``[[then]]``): what is done to a request while it runs, one verb a step, in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.acceptance.moments import resolve
from tests.acceptance.playing import Played

_LIMIT_S = 30.0


def perform(played: Played, step: Mapping[str, Any]) -> None:
    """Do one step; what does not come out is a fault of the file."""
    match dict(step):
        case {"until": status, **rest}:
            _until(played, str(status), _names(played, rest))
        case {"ringing": case}:
            numbers = set(played.numbers[str(case)])
            played.until(f"{case} rings", lambda: any(i.number in numbers for i in played.far_ends.invites()), _LIMIT_S)
        case {"talking": case}:
            played.until(f"{case} is answered", lambda: _answered(played, str(case)), _LIMIT_S)
        case {"asleep": case}:
            played.until(f"{case} sleeps", lambda: _asleep(played, str(case)), _LIMIT_S)
        case {"account": changes}:
            body = {key: resolve(value) if isinstance(value, str) else value for key, value in changes.items()}
            with_operator(played, "PATCH", f"/operator/accounts/{played.account_id}", body)
        case {"funds": amount}:
            with_operator(played, "POST", f"/operator/accounts/{played.account_id}/funds", {"amount": str(amount)})
        case {"list": name, **rest}:
            for case in _names(played, rest):
                played.put_on_list(str(name), played.file.case(case))
        case _:
            _control(played, step)


def with_operator(played: Played, method: str, path: str, body: object) -> None:
    """One call with the operator's key."""
    operator = played.installation.operator
    operator.call(method, path, json=body)
    operator.close()


def _until(played: Played, status: str, names: list[str]) -> None:
    def holds() -> bool:
        records = played.records()
        return all(records[name]["status"] == status for name in names)

    played.until(f"{', '.join(names)}: {status}", holds, _LIMIT_S)


def _answered(played: Played, case: str) -> bool:
    record = played.api.get(f"/records/{played.seen[case].receipt['record_id']}")
    legs = [leg for attempt in record["attempts"] for leg in attempt["legs"]]
    return bool(legs) and legs[-1]["connect_at"] is not None


def _asleep(played: Played, case: str) -> bool:
    record = played.records()[case]
    return record["status"] == "IN_PROGRESS" and record["due_at"] is not None


def _control(played: Played, step: Mapping[str, Any]) -> None:
    """pause, resume, stop, requeue: of the request, the flow, or (stop) one record."""
    verb = next(iter(step.keys() & {"pause", "resume", "stop", "requeue"}))
    target = str(step[verb])
    path = {"request": f"/requests/{played.request_id}/{verb}", "flow": f"/flows/{played.flow_id}/{verb}"}.get(target)
    if path is None:
        path = f"/records/{played.seen[target].receipt['record_id']}/{verb}"
    if "touches" in step and path.startswith("/requests"):
        told = played.api.post(path, preview=True)["touched"]
        if told != step["touches"]:
            played.faults.append(f"{verb} {target}: the preview says {told}, must be {step['touches']}")
    query = {"force": True} if step.get("force") else {}
    effect = played.api.post(path, **query)
    if "touches" in step and effect["touched"] + effect["remaining"] != step["touches"]:
        played.faults.append(f"{verb} {target}: {effect}, must touch {step['touches']}")


def _names(played: Played, rest: Mapping[str, Any]) -> list[str]:
    return [str(name) for name in rest.get("of", [case.name for case in played.file.cases])]
