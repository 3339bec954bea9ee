"""``central sms-route`` and ``central sms-answer``: what texts from people start, and what they are answered."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from cyclopts import App

from central.cli.client import call_api, list_all
from central.cli.operate import Json
from central.cli.output import print_rows, print_thing

text_routes = App(name="sms-route", help="Flows that texts start.")
text_answers = App(name="sms-answer", help="Answers to HELP, STOP and START.")


@text_routes.command(name="list")
def list_text_routes(*, json: Json = False) -> None:
    """Which flows the texts that people write start."""
    columns = ("id", "recipient", "keyword", "carrier_id", "flow")
    print_rows("routes", list_all("/text-routes"), columns, as_json=json)


@text_routes.command(name="add")
def add_text_route(
    flow: str, *, to: str = "", keyword: str = "", carrier: UUID | None = None, json: Json = False
) -> None:
    """Let texts start a flow without a call; what is left out holds for all texts.

    Parameters
    ----------
    flow
        its id or name.
    to
        the number or short code that people write to, as "central sms inbound" shows it.
    keyword
        the word that texts begin with.
    carrier
        the id of the carrier that texts come by.
    json
        print JSON.
    """
    body = {"flow": flow, "recipient": to, "keyword": keyword, "carrier_id": None if carrier is None else str(carrier)}
    print_thing(call_api("POST", "/text-routes", body=body), as_json=json)


@text_routes.command(name="remove")
def remove_text_route(route_id: UUID) -> None:
    """Let texts start a flow no more."""
    call_api("DELETE", f"/text-routes/{route_id}")


@text_answers.command(name="list")
def list_text_answers(*, json: Json = False) -> None:
    """What people are answered who write HELP, STOP or START."""
    print_rows("answers", list_all("/text-answers"), ("id", "wish", "recipient", "text"), as_json=json)


@text_answers.command(name="set")
def set_text_answer(wish: Literal["help", "stop", "start"], text: str, *, to: str = "", json: Json = False) -> None:
    """Answer those who write HELP, STOP or START alone; an empty text = no answer.

    Parameters
    ----------
    wish
        what they ask for.
    text
        the answer.
    to
        the number or short code that people write to; without it the answer holds for all.
    json
        print JSON.
    """
    body = {"wish": wish, "text": text, "recipient": to}
    print_thing(call_api("POST", "/text-answers", body=body), as_json=json)


@text_answers.command(name="remove")
def remove_text_answer(answer_id: UUID) -> None:
    """Remove an answer: HELP is answered by the platform's text again, STOP and START are not."""
    call_api("DELETE", f"/text-answers/{answer_id}")
