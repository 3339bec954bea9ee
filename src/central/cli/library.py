"""Commands for what flows and accounts draw on: recorded prompts and files of the account, policies of the installation."""

from __future__ import annotations

import mimetypes
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter
from cyclopts.types import ExistingFile

from central.cli.client import call_api, list_all
from central.cli.operate import Json
from central.cli.output import print_json, print_rows, print_thing, say

prompts = App(name="prompt", help="Recorded prompts that flows play.")
files = App(name="file", help="Files that e-mails bring along.")
policies = App(name="policy", help="Calling policies of this installation.")


@prompts.command(name="list")
def list_prompts(*, json: Json = False) -> None:
    """Recorded prompts by name and language."""
    print_rows("prompts", list_all("/prompts"), ("name", "language", "seconds", "created_at"), as_json=json)


@prompts.command(name="add")
def add_prompt(file: ExistingFile, *, name: str | None = None, language: str = "", json: Json = False) -> None:
    """Add a recording (WAV, MP3, OGG or FLAC), or replace the one of this name and language.

    Published versions go on playing the recording that they hold: publish a flow anew to let it play this one.

    Parameters
    ----------
    file
        the recording.
    name
        how flows call it; the file's name without its ending by default.
    language
        a language tag such as hi; none = for every language.
    json
        print JSON.
    """
    path, headers = _path(file.stem if name is None else name), {"Content-Type": "audio/wav"}
    query = {"language": language}
    answer: dict[str, Any] = call_api("PUT", path, data=file.read_bytes(), query=query, headers=headers)
    if json:
        print_json(answer)
        return
    held_by = answer.pop("held_by")
    print_thing(answer, as_json=False)
    _print_holding(held_by, "the recording before")


@prompts.command(name="remove")
def remove_prompt(name: str, *, language: str = "", force: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Take a recording out of the library; versions that hold it go on playing it.

    Parameters
    ----------
    name
        how flows call it.
    language
        a language tag such as hi; none = the one for every language.
    force
        even where a version plays it that holds no recordings (published by an older Central): it then fails at that step.
    """
    answer: dict[str, Any] = call_api("DELETE", _path(name), query={"language": language, "force": force})
    _print_holding(answer["held_by"], "it")


@files.command(name="list")
def list_files(*, json: Json = False) -> None:
    """Files by name."""
    print_rows("files", list_all("/files"), ("name", "media_type", "size_bytes", "created_at"), as_json=json)


@files.command(name="add")
def add_file(file: ExistingFile, *, name: str | None = None, media_type: str = "", json: Json = False) -> None:
    """Keep a file for e-mails, or replace the one of this name.

    Parameters
    ----------
    file
        the file, of at most 15 MiB.
    name
        how flows and e-mails call it; the file's own name by default.
    media_type
        what receivers are told that it is, such as application/pdf; by its ending unless given.
    json
        print JSON.
    """
    kind = media_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    path = f"/files/{quote(file.name if name is None else name)}"
    answer: dict[str, Any] = call_api("PUT", path, data=file.read_bytes(), headers={"Content-Type": kind})
    print_thing(answer, as_json=json)


@files.command(name="remove")
def remove_file(name: str) -> None:
    """Remove a file; e-mails that wait with it fail."""
    call_api("DELETE", f"/files/{quote(name)}")


@policies.command(name="list")
def list_policies(*, json: Json = False) -> None:
    """Every policy with its versions; the operator pins one for each account."""
    found: list[dict[str, Any]] = call_api("GET", "/policies")["items"]
    print_rows("policies", found, ("id", "version", "effective_from", "author", "legal_reference"), as_json=json)


def _print_holding(held_by: list[dict[str, Any]], what: str) -> None:
    """Which versions go on playing a recording that the library does not have any more."""
    for one in held_by:
        version = "the draft's test" if one["version"] is None else f"version {one['version']}"
        running = "in use" if one["runs"] else "not in use"
        say((f"{version} of {one['flow']} goes on playing {what} ({running})", "dim"))


def _path(name: str) -> str:
    return f"/prompts/{quote(name)}"
