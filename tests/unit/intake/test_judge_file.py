"""A file is judged by several judges as by one: each reads all of it and makes records of its own chunks only."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from central.adapters.files.rows import inspect_file, open_rows
from central.adapters.judges.frames import (
    LENGTH_BYTES,
    Forget,
    Judge,
    Open,
    Read,
    Refusal,
    frame,
    message_of,
    read_call,
)
from central.adapters.judges.serving import serve
from central.adapters.system import SystemIds
from central.application.intake.judge_file import JudgeFile
from central.application.ports.intake import FileBrief, JudgedChunk, ListFindings
from central.domain.errors import InvalidInput
from tests.unit.intake.briefs import brief, flow_document
from tests.unit.intake.lists import DECLARED, loaded, written, zipped
from tests.unit.intake.test_files_xlsx import workbook

NUMBERS = [f"9198{n:08d}" for n in range(10)]
CSV = "tel1,name\n" + "".join(f"{number},n{n}\n" for n, number in enumerate(NUMBERS))
NDJSON = "".join(f'{{"tel1": "{number}", "name": "n{n}"}}\n' for n, number in enumerate(NUMBERS))


def columns(chunk: JudgedChunk, *wanted: int) -> list[list[str]]:
    """Some columns of the COPY text: 0 id, 1 row number, 5 status, 6 reason."""
    lines = chunk.text.decode().splitlines()
    return [[line.split("\t")[column] for column in wanted] for line in lines]


def judged_by(count: int, told: FileBrief, findings: ListFindings | None = None) -> list[JudgedChunk]:
    """All chunks in order, judged by so many judges that take turns."""
    ids = SystemIds()
    judges = [JudgeFile(told, turn, count, ids) for turn in range(count)]
    chunks: list[JudgedChunk] = []
    while judges[len(chunks) % count].read(len(chunks)) is not None:
        chunk = judges[len(chunks) % count].judge(len(chunks), ids.instant(), findings or ListFindings())
        chunks.append(chunk)
    return chunks


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_however_many_judges_every_row_is_judged_once_and_in_order(tmp_path: Path, count: int) -> None:
    chunks = judged_by(count, brief(written(tmp_path, CSV)))
    assert [chunk.rows for chunk in chunks] == [3, 3, 3, 1]
    rows = [row for chunk in chunks for row in columns(chunk, 1, 5, 9)]
    assert rows == [[str(n), "UNPROCESSED", f"{{{number}}}"] for n, number in enumerate(NUMBERS, 1)]
    ids = [id_ for chunk in chunks for (id_,) in columns(chunk, 0)]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("kind", ["csv", "quoted", "zip", "ndjson", "xlsx"])
def test_readers_that_take_turns_share_a_file_of_any_kind(tmp_path: Path, kind: str) -> None:
    match kind:
        case "zip":
            path = zipped(tmp_path, {"list.csv": CSV.encode()})
        case "ndjson":
            path = written(tmp_path, NDJSON, "list.ndjson")
        case "xlsx":
            path = workbook(tmp_path, [line.split(",") for line in CSV.splitlines()])
        case _:
            path = written(tmp_path, CSV.replace("n4", '"n4\nagain"') if kind == "quoted" else CSV)
    shape = inspect_file(path, DECLARED)
    for skip in (0, 4):
        whole = loaded(path, skip_rows=skip)
        assert [row.row for row in whole] == list(range(skip + 1, 11))
        shares = [
            list(open_rows(path, shape, DECLARED, skip_rows=skip, batch_rows=2, turn=turn, turns=2)) for turn in (0, 1)
        ]
        assert sorted(row for share in shares for batch in share for row in batch) == whole
        assert [batch[0].row for batch in shares[1]] == [skip + 3, skip + 7][: len(shares[1])]


def test_judging_goes_on_behind_the_rows_that_are_stored(tmp_path: Path) -> None:
    chunks = judged_by(2, brief(written(tmp_path, CSV), rows_done=4))
    assert [row for chunk in chunks for (row,) in columns(chunk, 1)] == ["5", "6", "7", "8", "9", "10"]


def test_a_chunk_can_be_judged_again_with_less_room_after_the_next_was_read(tmp_path: Path) -> None:
    judge = JudgeFile(brief(written(tmp_path, CSV)), 0, 1, SystemIds())
    assert judge.read(0) == NUMBERS[:3]
    assert judge.judge(0, 1, ListFindings()).accepted == 3
    assert judge.read(1) == NUMBERS[3:6]
    cut = judge.judge(0, 1, ListFindings(), 2)
    assert (cut.rows, cut.accepted) == (3, 2)
    assert columns(cut, 5, 6)[2] == ["MAX_CAPACITY_REACHED", "pending_cap"]
    counted = {str(row["counter"]): row["n"] for row in cut.tallies}
    assert counted == {
        "status:UNPROCESSED": 2, "status:MAX_CAPACITY_REACHED": 1, "reason:pending_cap": 1, "added": 2
    }  # fmt: skip


def test_findings_decide_by_entry_prefix_and_what_was_loaded_before(tmp_path: Path) -> None:
    told = brief(written(tmp_path, CSV), flow_document("reject"), chunk_rows=10)
    findings = ListFindings([(NUMBERS[0], "blacklist", NUMBERS[0])], [("blacklist", NUMBERS[1])], [NUMBERS[2]])
    (chunk,) = judged_by(1, told, findings)
    reasons = [reason for (reason,) in columns(chunk, 6)]
    assert reasons == ["blacklisted", "blacklisted", "duplicate_number", *["\\N"] * 7]
    assert f"entry {NUMBERS[1]}*" in chunk.text.decode()
    assert chunk.first_numbers == [int(number) for number in NUMBERS[3:]]


def test_past_the_deadline_no_list_is_asked_and_every_row_is_rejected(tmp_path: Path) -> None:
    judge = JudgeFile(brief(written(tmp_path, CSV), chunk_rows=10, overdue=True), 0, 1, SystemIds())
    assert judge.read(0) == []
    chunk = judge.judge(0, 1, ListFindings())
    assert columns(chunk, 5, 6) == [["REJECTED", "intake_deadline"]] * 10
    assert judge.read(1) is None


def answers_to(*calls: object) -> Sequence[object]:
    """What the inside of a judge process answers to these calls."""
    ids, answers = SystemIds(), io.BytesIO()
    serve(io.BytesIO(b"".join(map(frame, calls))), answers, lambda told, turn, turns: JudgeFile(told, turn, turns, ids))
    answers.seek(0)
    return [read_call(answers) for _ in calls]


def test_a_judge_process_answers_call_by_call_and_keeps_uploads_apart(tmp_path: Path) -> None:
    first, second = brief(written(tmp_path, CSV)), brief(written(tmp_path, CSV, "other.csv"), chunk_rows=20)
    opened = [Open(1, first, 1, 2), Open(2, second, 0, 1)]
    calls = [Read(1, 1), Read(2, 0), Judge(2, 0, 7, ListFindings(), 1), Forget(1), Forget(1), Read(2, 1)]
    *_, mine, others, judged, _, _, end = answers_to(*opened, *calls)
    assert (mine, others, end) == (NUMBERS[3:6], NUMBERS, None)
    assert isinstance(judged, JudgedChunk)
    assert (judged.rows, judged.accepted) == (10, 1)


def test_an_error_of_the_error_tree_is_an_answer_with_code_and_details(tmp_path: Path) -> None:
    told = brief(zipped(tmp_path, {"list.csv": CSV.encode()}))
    written(tmp_path, b"PK\x03\x04 no more a zip", "list.zip")
    _, refusal = answers_to(Open(1, told, 0, 1), Read(1, 0))
    assert isinstance(refusal, Refusal)
    assert (refusal.kind, refusal.code) == (InvalidInput, "zip_broken")
    travelled = message_of(frame(refusal)[LENGTH_BYTES:])
    assert travelled == refusal
