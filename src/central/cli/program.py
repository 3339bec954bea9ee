"""The tree of commands. Each is imported when it is called: a command answers at once, a process starts fast."""

from __future__ import annotations

from cyclopts import App

from central import __version__

app = App(
    name="central",
    version=__version__,
    help="Contact lists in, real calls out, one explained final status for every record.",
)

_PROCESSES = {
    "up": ("processes:up", "Run everything on this machine in the foreground."),
    "serve": ("processes:serve", "Run the API."),
    "worker": ("processes:worker", "Run one worker role: dispatcher, tracker, publisher or jobs."),
    "voice-node": ("processes:voice_node", "Run this machine's voice node with its Asterisk."),
    "db": ("processes:database", "The store's schema."),
}
_OPERATOR = {
    "init": ("operate:init", "Make the first account with its owner and an API key."),
    "account": ("operate:accounts", "Accounts of this installation."),
    "doctor": ("neighbours:doctor", "Check each neighbour of this machine and say how to mend it."),
    "voice": ("neighbours:voice", "The voice engine of this machine."),
    "settings": ("operate:show_settings", "Print every setting with its value, unit and origin."),
    "statuses": ("operate:show_statuses", "Every status of the platform: what it means and the cases that reach it."),
}
_ACCOUNT = {
    "user": ("resources:users", "People of the account and their roles."),
    "key": ("resources:keys", "API keys."),
    "trunk": ("resources:trunks", "SIP trunks and their prefix routes."),
    "carrier": ("messages:carriers", "Carriers: who takes SMS and e-mail over."),
    "sms": ("messages:sms", "Short messages: send, list, show with their history."),
    "sms-template": ("messages:templates", "Texts that a registry knows (DLT): list, add, try, remove."),
    "sms-answer": ("inbound_texts:text_answers", "Answers to HELP, STOP and START: list, set, remove."),
    "sms-route": ("inbound_texts:text_routes", "Flows that texts from people start: list, add, remove."),
    "email": ("messages:emails", "E-mails: send, list, show with their history."),
    "mail-domain": ("messages:domains", "Domains that e-mail is sent from: records to publish, checks."),
    "agent": ("call_centre:agents", "Agents: who they are, their skills and phones, their status."),
    "queue": ("call_centre:queues", "Queues: how calls wait for agents, and who serves them."),
    "pause-code": ("call_centre:pause_codes", "Reasons for breaks."),
    "did": ("resources:dids", "Numbers that the account owns."),
    "list": ("resources:lists", "Blacklist, whitelists for tests, do-not-disturb register, suppressed addresses."),
    "disposition": ("dispositions:dispositions", "What agents may say of calls: show, set."),
    "flow": ("flows:flows", "Flows: check, test, draw, push, compare, publish, roll back, pause."),
    "prompt": ("library:prompts", "Recorded prompts that flows play."),
    "file": ("library:files", "Files that e-mails bring along."),
    "webhook": ("webhooks:webhooks", "Webhook endpoints, their secrets, and what was given up."),
    "policy": ("library:policies", "Calling policies of this installation."),
    "request": ("requests:requests", "Contact lists: submit, watch, report, pause, stop."),
    "record": ("requests:records", "Single contacts: show, explain, stop."),
}

for _title, _commands in (("Work", _ACCOUNT), ("Set-up", _OPERATOR), ("Processes", _PROCESSES)):
    for _name, (_path, _help) in _commands.items():
        app.command(f"central.cli.{_path}", name=_name, help=_help, group=_title)
