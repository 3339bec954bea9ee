"""Agents' phones: real SIP phones that register with digest and do one thing when they are rung.

``SipPhone`` is baresip (Debian package baresip-core), a softphone with media of its own: it says a tone and keeps what it hears.
``RefusingPhone`` is SIPp, for answers that baresip has no command for. Both register from the port on which they are rung.
"""

from __future__ import annotations

import contextlib
import json
import queue
import shutil
import signal
import socket
import tempfile
import threading
import time
import wave
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, NamedTuple, Self

from examples.carrier.blocks import RINGING, invite, refuse
from examples.carrier.callers import register
from examples.carrier.process import FarEnd
from examples.carrier.sipp import CarrierError, Invite, Sipp, free_ports, write_scenario
from examples.carrier.speech import linear_tone

_MODULES: Final = "/usr/lib/baresip/modules"
_RATE: Final = 8000
_SPEAKS_S: Final = 90
_DAY_MS: Final = 86_400_000
_TAKEN, _REFUSED = "\x1b[32mOK ", "\x1b[31mERR"  # in what baresip tells of its registration


class Behaviour(NamedTuple):
    """What a phone does when it is rung, in words; seconds until it answers (None: never) and from there until it hangs up."""

    what: str
    answers_s: float | None = None
    talks_s: float | None = None
    refuses: int = 0


BEHAVIOURS: Final[Mapping[str, Behaviour]] = MappingProxyType(
    {
        "answers": Behaviour("answers at once, talks until it is hung up", 0.2),
        "answers_late": Behaviour("answers after 2 s, talks until it is hung up", 2.0),
        "hangs_up": Behaviour("answers at once, hangs up after 2 s", 0.2, 2.0),
        "never_answers": Behaviour("rings"),
        "busy": Behaviour("is in another call (486)", refuses=486),
        "declines": Behaviour("its owner declines (603)", refuses=603),
        "forwards": Behaviour("its owner has set a forwarding (302)", refuses=302),
    }
)
"""By name; ``phone`` makes one. Every phone can also ``leave`` (it says so) and ``die`` (it does not)."""


class SipPhone:
    """One baresip, registered as ``user``; a context manager. ``server``: host and port. ``transport``: udp or tcp.

    ``tone_hz``: what it says.
    ``events`` are baresip's, in order: CALL_INCOMING, CALL_ESTABLISHED, CALL_CLOSED and others.
    """

    def __init__(
        self,
        user: str,
        password: str,
        server: tuple[str, int],
        behaviour: Behaviour = BEHAVIOURS["answers"],
        *,
        tone_hz: int = 700,
        register_s: int = 60,
        transport: str = "udp",
    ) -> None:
        self.user, self._password, self._server = user, password, server
        self._behaviour, self._tone_hz, self._register_s = behaviour, tone_hz, register_s
        self._transport = transport
        self.events: list[dict[str, Any]] = []
        self._told = threading.Condition()
        self._answers: queue.Queue[str] = queue.Queue()
        self._folder: Path | None = None
        self._process: FarEnd | None = None
        self._control: socket.socket | None = None
        self._timers: list[threading.Timer] = []

    def start(self) -> Self:
        """Start it and have it register; ``wait_registered`` tells whether it may. Raises CarrierError when baresip is missing."""
        program = shutil.which("baresip")
        if program is None:
            raise CarrierError("baresip not found: install the Debian package baresip-core")
        self._folder = Path(tempfile.mkdtemp(prefix="phone-"))
        sip, control = free_ports("127.0.0.1", 2)
        (self._folder / "says.wav").write_bytes(_wav(self._tone_hz))
        (self._folder / "config").write_text(_config(self._folder, sip, control))
        host, port = self._server
        (self._folder / "accounts").write_text(
            f"<sip:{self.user}@{host}:{port};transport={self._transport}>;auth_user={self.user};auth_pass={self._password};answermode=manual"
            f";regint={self._register_s};audio_codecs=PCMU/8000\n"
        )
        self._process = FarEnd("baresip", [program, "-4", "-f", self._folder], self._folder)
        self._process.wait_listening("127.0.0.1", control)
        self._control = socket.create_connection(("127.0.0.1", control))
        threading.Thread(target=self._listen, args=(self._control,), daemon=True).start()
        return self

    def wait_registered(self, limit_s: float = 10.0) -> bool:
        """Whether it was taken, once that is decided. Raises CarrierError when it is not."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            self._tell("reginfo")
            with contextlib.suppress(queue.Empty):
                said = self._answers.get(timeout=1)
                if _TAKEN in said or _REFUSED in said:
                    return _TAKEN in said
            time.sleep(0.02)
        raise CarrierError(f"phone {self.user} got no answer to its registration")

    def wait(self, kind: str, nth: int = 1, limit_s: float = 20.0) -> dict[str, Any]:
        """The ``nth`` event of this kind. Raises CarrierError when it does not come."""
        with self._told:
            if not self._told.wait_for(lambda: self.count(kind) >= nth, limit_s):
                raise CarrierError(f"phone {self.user}: no {kind} number {nth} within {limit_s:g} s")
            return [event for event in self.events if event["type"] == kind][nth - 1]

    def count(self, kind: str) -> int:
        """How many events of this kind there were."""
        return sum(event["type"] == kind for event in self.events)

    def dial(self, number: str) -> None:
        """Call a number, as its owner does on the keys."""
        self._tell("dial", f"sip:{number}@{self._server[0]}:{self._server[1]}")

    def transfer(self, number: str) -> None:
        """Ask the other side to call a number instead (REFER)."""
        self._tell("transfer", f"sip:{number}@{self._server[0]}:{self._server[1]}")

    def hang_up(self) -> None:
        """End the call, or refuse the one that rings (486)."""
        self._tell("hangup")

    def heard(self) -> bytes:
        """The WAV file of what it heard in its newest call, once that is over."""
        if self._folder is None:
            raise CarrierError("the phone is not there")
        files = sorted(self._folder.glob("dump-*-dec.wav"))
        if not files:
            raise CarrierError(f"phone {self.user} heard nothing")
        return files[-1].read_bytes()

    def leave(self) -> None:
        """It is switched off: it ends its call and its registration. Safe to repeat."""
        self._end(signal.SIGTERM)

    def die(self) -> None:
        """Its battery is empty: nobody is told."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it and remove its files; safe to repeat."""
        self.leave()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self, how: int) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._process is not None:
            self._process.end(how)
        if self._control is not None:
            self._control.close()
            self._control = None

    def _tell(self, command: str, words: str = "") -> None:
        text = json.dumps({"command": command, "params": words}).encode()
        if self._control is not None:
            with contextlib.suppress(OSError):  # it is gone
                self._control.sendall(b"%d:%s," % (len(text), text))

    def _listen(self, control: socket.socket) -> None:
        """Netstrings of JSON, until the process is gone."""
        with contextlib.suppress(OSError, ValueError), control.makefile("rb") as source:
            while True:
                digits = b""
                while (byte := source.read(1)).isdigit():
                    digits += byte
                message = json.loads(source.read(int(digits)))
                source.read(1)
                if message.get("event"):
                    self._happened(message)
                else:
                    self._answers.put(str(message.get("data", "")))

    def _happened(self, event: dict[str, Any]) -> None:
        with self._told:
            self.events.append(event)
            self._told.notify_all()
        does = self._behaviour
        if event["type"] == "CALL_INCOMING" and does.refuses:
            self.hang_up()
        elif event["type"] == "CALL_INCOMING" and does.answers_s is not None:
            self._after(does.answers_s, "accept")
        elif event["type"] == "CALL_ESTABLISHED" and event["direction"] == "incoming" and does.talks_s is not None:
            self._after(does.talks_s, "hangup")

    def _after(self, seconds: float, command: str) -> None:
        timer = threading.Timer(seconds, self._tell, [command])
        timer.daemon = True
        self._timers.append(timer)
        timer.start()


class RefusingPhone:
    """One SIPp that registers as ``user`` and answers each call with 180 and a refusal; a context manager."""

    def __init__(self, user: str, password: str, server: tuple[str, int], code: int) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="phone-"))
        ready = '<nop><action><log message="REGISTERED"/></action></nop>\n'
        steps = register() + f'<label id="1"/>\n<pause milliseconds="{_DAY_MS}"/>\n'
        write_scenario(self._folder, "phone", steps.replace('<label id="1"/>', ready + '<label id="1"/>'))
        write_scenario(self._folder, "rung", invite() + RINGING + refuse(code))
        sip, control, media = free_ports("127.0.0.1", 3)
        options = (
            f"{server[0]}:{server[1]}", "-oocsf", "rung.xml", "-l", "1", "-aa", "-s", user, "-key", "caller", user,
            "-au", user, "-ap", password, "-auth_uri", f"{server[0]}:{server[1]}",
        )  # fmt: skip
        self._sipp = Sipp(
            self._folder, "phone", host="127.0.0.1", ports=(sip, control, media), contact=f"127.0.0.1:{sip}", options=options,
            calls=1,
        )  # fmt: skip

    def wait_registered(self, limit_s: float = 10.0) -> None:
        """Wait until the server took the registration. Raises CarrierError."""
        log, end = self._folder / "phone.log", time.monotonic() + limit_s
        while not log.exists() or "REGISTERED" not in log.read_text(errors="replace"):
            self._sipp.check()
            if time.monotonic() > end:
                raise CarrierError(f"the phone did not register: {self._sipp.errors()[-400:]}")
            time.sleep(0.02)

    def invites(self) -> list[Invite]:
        """The calls that it got."""
        return self._sipp.invites()

    def stop(self) -> None:
        """End it without a word and remove its files; safe to repeat."""
        self._sipp.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _wav(hertz: int) -> bytes:
    content = BytesIO()
    with wave.open(content, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(_RATE)
        target.writeframes(linear_tone(hertz, 1000) * _SPEAKS_S)
    return content.getvalue()


def _config(folder: Path, sip: int, control: int) -> str:
    """No devices: it speaks from a file, keeps what it hears in one, and plays into a bridge that leads nowhere."""
    modules = "".join(f"module {name}.so\n" for name in ("g711", "aufile", "aubridge", "sndfile"))
    return (
        f"sip_listen 127.0.0.1:{sip}\nnet_interface 127.0.0.1\nmodule_path {_MODULES}\n{modules}"
        "module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n"
        f"ctrl_tcp_listen 127.0.0.1:{control}\naudio_source aufile,{folder}/says.wav\naudio_player aubridge,nowhere\n"
        f"audio_alert aubridge,nowhere\naudio_path {folder}\nsnd_path {folder}\n"
    )
