"""Callers: SIPp scenarios that call in, one process for each call or burst of calls.

``Caller`` starts one, waits, and tells how many calls came out as the scenario says. The counterpart of ``CALLEES`` in
``scenarios.py``: here this side sends the INVITE.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from examples.carrier.blocks import expect, pause, play, replay, sdp, send
from examples.carrier.digits import file_name
from examples.carrier.sipp import CarrierError, free_ports, write_samples, write_scenario

_FROM = "From: <sip:[caller]@[local_ip]:[local_port]>;tag=[pid]C[call_number]"
_VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
_CONTACT = "Contact: <sip:[caller]@[local_ip]:[local_port]>"
_TO = "To: <sip:[service]@[remote_ip]:[remote_port]>"
_ENDS: Final = 2


def _request(method: str, cseq: int, more: str = "", body: str = "", *, retransmit: bool = True) -> str:
    """A request within the dialogue, or one that opens it."""
    to = _TO if method == "INVITE" else f"{_TO}[peer_tag_param]"
    text = f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n{_VIA}\n{_FROM}\n{to}\n"
    head = f"{text}Call-ID: [call_id]\nCSeq: {cseq} {method}\nMax-Forwards: 70\n{_CONTACT}\n{more}"
    return send(head, body, retransmit=retransmit)


def _invite(cseq: int = 1, more: str = "") -> str:
    return _request("INVITE", cseq, more, sdp())


def _ack(cseq: int = 1) -> str:
    return _request("ACK", cseq, retransmit=False)


def register(again: int = 200) -> str:
    """Register [service], from [caller], with the digest of the log-in; ``again``: the answer to that."""

    def once(cseq: int, more: str = "") -> str:
        where = "sip:[remote_ip]:[remote_port]"
        return send(
            f"REGISTER {where} SIP/2.0\n{_VIA}\nFrom: <sip:[caller]@[remote_ip]:[remote_port]>;tag=[pid]R[call_number]\n{_TO}\n"
            f"Call-ID: [call_id]\nCSeq: {cseq} REGISTER\nMax-Forwards: 70\n{_CONTACT}\nExpires: 60\n{more}",
            retransmit=True,
        )

    return once(1) + '<recv response="401" auth="true"></recv>\n' + once(2, "[authentication]\n") + expect(again)


_PROVISIONAL = "".join(expect(code, optional=True) for code in (100, 180, 183))
_ANSWERED = _invite() + _PROVISIONAL + expect(200) + _ack()
_HANGS_UP = _request("BYE", 2) + expect(200)
_IS_HUNG_UP = '<recv request="BYE" timeout="30000"></recv>\n' + send(
    "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n"
)


def _refused(code: int) -> str:
    return _invite() + _PROVISIONAL + expect(code) + _ack()


def _pressing(keys: str) -> str:
    return _ANSWERED + pause(1000) + replay(f"@DIR@/{file_name(keys)}") + _IS_HUNG_UP


_INFO = _request("INFO", 2, body="\nSignal=2\nDuration=160\n") + expect(200)
_CANCEL = send(
    f"CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n[last_Via:]\n{_FROM}\n{_TO}\nCall-ID: [call_id]\nCSeq: 1 CANCEL\n"
    "Max-Forwards: 70\n"
)

CALLERS: Final[Mapping[str, str]] = {
    "stays": _ANSWERED + _IS_HUNG_UP,
    "speaks": _ANSWERED + play("@DIR@/human.ul") + _IS_HUNG_UP,
    "speaks_tone": _ANSWERED + play("@DIR@/tone.ul") + _IS_HUNG_UP,
    "leaves": _ANSWERED + pause(2500) + _HANGS_UP,
    "leaves_at_once": _ANSWERED + pause(200) + _HANGS_UP,
    "presses_1": _pressing("1"),
    "presses_2": _pressing("2"),
    "presses_12": _pressing("12"),
    "presses_2_info": _ANSWERED + pause(1000) + _INFO + _IS_HUNG_UP,
    "gives_up": (
        _invite() + expect(100, optional=True) + expect(180) + pause(500) + _CANCEL + expect(200) + expect(487)
        + _request("ACK", 1, retransmit=False)
    ),
    "proves": (
        _invite() + expect(100, optional=True) + '<recv response="401" auth="true"></recv>\n' + _ack()
        + _invite(2, "[authentication]\n") + _PROVISIONAL + expect(200) + _ack(2)
        + _IS_HUNG_UP
    ),
    "proves_wrongly": (
        _invite() + expect(100, optional=True) + '<recv response="401" auth="true"></recv>\n' + _ack()
        + _invite(2, "[authentication]\n") + expect(100, optional=True) + expect(401)
        + _ack(2)
    ),
    "registers": register(),
    "registers_wrongly": register(401),
    "registers_for_another": register(404),
    **{f"refused_{code}": _refused(code) for code in (401, 403, 404, 480, 486, 503)},
}  # fmt: skip
"""Scenarios by name; each ends well only if the other side does what the name says."""

_PRESSED = ("1", "2", "12")


class Calls(NamedTuple):
    """How many calls came out as the scenario says, how many did not, and what SIPp complained of."""

    good: int
    bad: int
    errors: str


def scenario_names() -> tuple[str, ...]:
    """The names of all callers."""
    return tuple(CALLERS)


class Caller:
    """One SIPp process that places calls to ``target`` (host, port); a context manager, ``wait`` for the figures.

    called: the number dialled. caller: who calls. count, per_s: how many calls, at what rate. host: the source address.
    """

    def __init__(
        self,
        name: str,
        target: tuple[str, int],
        *,
        called: str,
        caller: str = "919800000099",
        count: int = 1,
        per_s: float = 10,
        host: str = "127.0.0.1",
        login: tuple[str, str] = ("", ""),
    ) -> None:
        if name not in CALLERS:
            raise CarrierError(f"unknown caller: {name}")
        program = shutil.which("sipp")
        if program is None:
            raise CarrierError("sipp not found: install the Debian package sip-tester")
        self._directory = Path(tempfile.mkdtemp(prefix="caller-"))
        write_samples(self._directory, _PRESSED)
        write_scenario(self._directory, name, CALLERS[name])
        sip, control, media = free_ports(host, 3)
        command = [
            program, "-sf", f"{name}.xml", f"{target[0]}:{target[1]}", "-i", host, "-mi", host, "-p", str(sip),
            "-ci", host, "-cp", str(control), "-mp", str(media), "-m", str(count), "-l", str(count), "-r", f"{per_s:g}",
            "-s", called, "-key", "caller", caller, "-au", login[0], "-ap", login[1], "-auth_uri", f"{called}@{target[0]}:{target[1]}",
            "-nostdin", "-timeout", "90", "-trace_err", "-error_file", "errors",
        ]  # fmt: skip
        with (self._directory / "out").open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=self._directory, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def wait(self, seconds: float = 90.0) -> Calls:
        """Wait until all calls are over. Raises CarrierError when they are not in time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            self.stop()
            raise CarrierError("the calls did not end in time") from error
        text = (self._directory / "out").read_text(errors="replace")
        path = self._directory / "errors"
        errors = path.read_text(errors="replace")[:4000] if path.exists() else ""
        return Calls(_figure(text, "Successful"), _figure(text, "Failed"), errors)

    def stop(self) -> None:
        """End the process; safe to repeat."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def remove(self) -> None:
        """End it and remove its files."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)


def _figure(text: str, what: str) -> int:
    found = re.findall(rf"{what} call\s*\|[^|]*\|\s*(\d+)", text)
    return int(found[-1]) if found else -1
