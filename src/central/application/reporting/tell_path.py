"""The way through the flow, from the notes that the interpreter left: steps, branches, keys, variables, words (step 7). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from central.application.ports.reporting import EventRow
from central.application.reporting.event_data import Data, data_of, moment, objects, text, texts, whole
from central.application.reporting.explanation import Entry, Kind, PathStep

_ENDS: Final = {
    "end": "The flow reached its end",
    "customer_left": "The main path ends: the customer left",
    "not_reached": "The main path ends: nobody was reached",
    "failed": "The main path ends: a step failed",
    "funds_short": "The main path ends: the account could not pay for the next call",
    "stopped": "The main path ends: it was stopped",
}
_STAGES: Final = {
    "conversation": "The conversation begins",
    "waiting": "The customer waits again",
    "agent": "An agent is there; the customer is called",
}
_DIALER: Final = {
    "agent_missing": "No agent took the call",
    "agent_left": "The agent left before the customer had answered",
    "abandoned": "The customer answered, and no agent was there in time",
    "customer_missed": "No number of the customer was reached",
}
_LEFT: Final = {"them": "The customer hung up", "us": "Our side ended the call"}
_WARNINGS: Final = {
    "variable_unresolved": "a variable has no value and was left empty",
    "step_failed": "the step failed",
    "nothing_to_say": "there was nothing to say",
    "text_cut": "the text was cut",
    "leg_end_not_reported": "the end of the call was never reported",
    "late_path_timeout": "the late path ran out of time",
    "late_path_failed": "the late path failed",
    "caller_id_refused": "the caller id is no number of this flow, so one of its own was shown",
    "playback_failed": "what was to be heard could not be played",
    "item_unplayable": "an item could not be played and was passed over",
    "recording_failed": "nothing could be recorded",
    "recording_disabled": "the account may not record, so this was not recorded",
    "contact_not_updated": "what was to be kept about the customer could not be kept",
    "value_too_long": "a value was too long to be stored",
    "record_too_large": "there was no room left for a value",
    "response_field_missing": "the answer has no value for a variable, which was left empty",
    "music_failed": "what the agent was to hear while he waited could not be played",
    "whisper_left_out": "the whisper was left out, because the customer was on the line already",
    "whisper_failed": "what the called party was to hear alone could not be played",
    "already_answered": "the call was answered already",
    "already_connected": "the customer was connected already",
    "input_unreadable": "a field could not be read, so its usual value was taken",
    "address_invalid": "an e-mail address is none and was left out",
    "attachment_invalid": "an attachment cannot be one and was left out",
    "prompt_name_invalid": "a recording has no lawful name and was left out",
    "speech_not_configured": "this installation recognises no speech, so only keys count",
    "speech_failed": "speech could not be recognised, so only keys count",
    "secret_laid_open": "a value is secret in a flow that the call came through, so it was not kept about the customer",
}


def tell_path(events: Sequence[EventRow]) -> tuple[tuple[PathStep, ...], tuple[Entry, ...]]:
    """The steps in order, and the same as lines of the timeline with the times at which each thing happened."""
    steps: list[PathStep] = []
    entries: list[Entry] = []
    came: tuple[str, str] = ("", "")
    flow: tuple[str, str] = ("", "")
    attempt = 0
    for event in events:
        if event.kind != "flow_walked":
            continue
        now = whole(data_of(event), "attempt") or 1
        if now != attempt:
            attempt, came, flow = now, ("", ""), ("", "")
        at = event.at
        for note in objects(data_of(event), "notes"):
            at = moment(note, "at") or at  # written only where it changes
            if text(note, "kind") == "flow":
                flow = text(note, "flow"), text(note, "version")
                came = _goes_on(note, at, attempt, steps, entries)
            else:
                came = _note(note, at, attempt, came, flow, steps, entries)
    return tuple(steps), tuple(entries)


def tell_clicks(events: Sequence[EventRow]) -> tuple[Entry, ...]:
    """The first times that somebody opened a short link of the record."""
    return tuple(
        Entry(
            event.at,
            Kind.FLOW,
            "A short link was opened",
            f"click {whole(data_of(event), 'clicks')}, leads to {text(data_of(event), 'url')}",
            data=dict(data_of(event)),
        )
        for event in events
        if event.kind == "link_clicked"
    )


def _goes_on(note: Data, at: datetime, attempt: int, steps: list[PathStep], entries: list[Entry]) -> tuple[str, str]:
    """The call goes on in another flow: the steps that follow are of that one."""
    name, flow = text(note, "step"), f"{text(note, 'flow')} (version {text(note, 'version')})"
    _did(steps, name, f"goes on in flow {flow}")
    if steps and steps[-1].step == name:
        steps[-1] = replace(steps[-1], left_by="flow")
    entries.append(Entry(at, Kind.FLOW, f"The call goes on in flow {flow}", _step_of(name), attempt, data=dict(note)))
    return name, "flow"


def _note(
    note: Data,
    at: datetime,
    attempt: int,
    came: tuple[str, str],
    flow: tuple[str, str],
    steps: list[PathStep],
    entries: list[Entry],
) -> tuple[str, str]:
    """Add one note; answers the step and branch by which the next step is entered."""
    name, kind = text(note, "step"), text(note, "kind")
    match kind:
        case "step":
            widget = text(note, "widget")
            steps.append(PathStep(at, attempt, name, widget, *came, flow=flow[0], flow_version=flow[1]))
            way = f"from {came[0]} by {came[1]}" if came[0] else ""
            data = {"step": name, "widget": widget} | ({"flow": flow[0], "version": flow[1]} if flow[0] else {})
            where = f" of flow {flow[0]}" if flow[0] else ""
            entries.append(Entry(at, Kind.FLOW, f"Step {name}{where} ({widget})", way, attempt, data=data))
            return "", ""
        case "branch":
            branch, to = text(note, "branch"), text(note, "to")
            if steps and steps[-1].step == name:
                steps[-1] = replace(steps[-1], left_by=branch)
            if to == "end":
                entries.append(Entry(at, Kind.FLOW, f"{name} leads to the end", f"by {branch}", attempt))
                return "", ""
            return name, branch
        case "dial" if "number" in note:
            # the call itself has lines of its own
            _did(steps, name, f"dialled {text(note, 'number')}")
            return came
        case _:
            title, what, line = _told(note, kind)
            _did(steps, name, line)
            entries.append(Entry(at, what, title, _step_of(name), attempt, data=dict(note)))
            return came


def _told(note: Data, kind: str) -> tuple[str, Kind, str]:
    """Title, kind of entry and a short form for the path."""
    match kind:
        case "play":
            said = text(note, "say")
            title = f'Says "{said}"' if said else f"Plays {text(note, 'file') or text(note, 'url')}"
            return title, Kind.FLOW, title[:1].lower() + title[1:]
        case "message" | "bridge" | "whisper":
            line = _asked_for(note, kind)
            return line, Kind.FLOW, line[:1].lower() + line[1:]
        case "digits":
            return _keys(note)
        case "variable":
            line = f"{text(note, 'name')} = {text(note, 'value') or '(empty)'}"
            return f"Stores {line}", Kind.FLOW, line
        case "count":
            line = f"{text(note, 'name')} = {note.get('count')} of {note.get('limit')}"
            return f"Counts {line}", Kind.FLOW, line
        case "errand":
            line = _errand(note)
            return line[:1].upper() + line[1:], Kind.FLOW, line
        case "warning":
            code = text(note, "code")
            told = _WARNINGS.get(code, code.replace("_", " "))
            extra = text(note, "detail") or ", ".join(texts(note, "variables")) or text(note, "variable")
            line = f"warning: {told}{f' ({extra})' if extra else ''}"
            return line[:1].upper() + line[1:], Kind.WARNING, line
        case "dial":
            result = text(note, "result")
            if result in _DIALER:
                line = f"{_DIALER[result]}; the branch waits for the last attempt"
                return line, Kind.FLOW, line
            if result == "not_reached":
                return (
                    "Nobody was reached; the unconnected branch waits for the last attempt",
                    Kind.FLOW,
                    "the unconnected branch waits",
                )
            machine = " (a machine)" if note.get("machine") is True else ""
            return f"The call step hears: {result}{machine}", Kind.FLOW, f"{result}{machine}"
        case "end" if "leg" in note:
            # the end of the customer's leg; the end of the path, which follows, has a note of its own
            told = _LEFT.get(text(note, "by"), "The call ended")
            return f"{told} ({text(note, 'leg')})", Kind.FLOW, told[:1].lower() + told[1:]
        case _:
            # the note of the end of the path carries the kind of end under the same key
            told = _ENDS.get(kind) or kind.replace("_", " ")
            reason = text(note, "reason")
            return f"{told}{f' ({reason})' if reason else ''}", Kind.FLOW, told[:1].lower() + told[1:]


def _asked_for(note: Data, kind: str) -> str:
    """What a step wants sent, rung, or said to a called party."""
    if kind == "bridge":
        return f"Rings {text(note, 'number')} for the customer"
    if kind == "whisper":
        said = text(note, "say")
        return (
            f'The called party alone hears "{said}"' if said else f"The called party alone hears {text(note, 'file')}"
        )
    if text(note, "channel") == "email":
        return f'E-mail to {text(note, "to")}: "{text(note, "subject")}"'
    parts = whole(note, "parts") or 1
    alphabet = {"gsm7": "GSM alphabet", "ucs2": "UCS-2", "binary": "8-bit data"}.get(text(note, "encoding"), "")
    size = f"{parts} parts" if parts > 1 else "1 part"
    return f'SMS to {text(note, "to")} ({size}, {alphabet}): "{text(note, "text")}"'


def _errand(note: Data) -> str:
    if asks := text(note, "asks"):
        return f"asks {asks}"
    if stage := text(note, "stage"):
        told = _STAGES.get(stage, stage)
        return told[:1].lower() + told[1:]
    outcome, detail = text(note, "outcome").replace("_", " "), text(note, "detail")
    return f"came back: {outcome}{f' ({detail})' if detail else ''}"


def _keys(note: Data) -> tuple[str, Kind, str]:
    entry, typed, heard = text(note, "entry"), text(note, "typed"), text(note, "heard")
    tries = whole(note, "attempt") or 1
    attempt = f" (try {tries})" if tries > 1 else ""
    if heard:
        meant = "which the menu does not know" if entry == "!" else f"which means {entry}"
        short = "not understood" if entry == "!" else entry
        return f'Said "{heard}", {meant}{attempt}', Kind.DIGITS, f'said "{heard}": {short}'
    if entry == "!":
        return (
            f"Pressed {typed or 'keys'}, which the menu does not know{attempt}",
            Kind.DIGITS,
            f"pressed {typed}: invalid",
        )
    if not entry:
        return f"No key was pressed in time{attempt}", Kind.DIGITS, "no key pressed"
    return f"Pressed {entry}{attempt}", Kind.DIGITS, f"pressed {entry}"


def _did(steps: list[PathStep], name: str, line: str) -> None:
    if steps and steps[-1].step == name:
        steps[-1] = replace(steps[-1], did=(*steps[-1].did, line))


def _step_of(name: str) -> str:
    return f"in step {name}" if name else ""
