"""The scripted recipients as a process: an SMTP server (another house's), an LMTP server (our relay's mailboxes), a box for notices.

    python -m examples.carrier.mail_recipients FOLDER MX_PORT LMTP_PORT RELAY_PORT WEB_PORT READS_AFTER_S SLOW_S KEEP

Each message is a file of FOLDER/mails and a line of FOLDER/mails.jsonl, written before it is answered; what recipients do
later is a line of FOLDER/acts.jsonl. Prints ``listening`` when both ports take connections, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from examples.carrier.mail_reading import AT_ONCE, LATER, World
from examples.carrier.smtp_door import Arrived, Door, behaviour_of

_READERS = 4
_BACKLOG = 1024
_LOOKS_EVERY_S = 0.05


class Recipients:
    """Keeps what arrives, and acts on it. keep: whether contents become files (not in load runs)."""

    def __init__(self, folder: Path, world: World, *, reads_after_s: float, keep: bool) -> None:
        self._folder, self._world, self._reads_after_s, self._keep = folder, world, reads_after_s, keep
        (folder / "mails").mkdir(exist_ok=True)
        self._index = (folder / "mails.jsonl").open("a", buffering=1)
        self._acts = (folder / "acts.jsonl").open("a", buffering=1)
        self._number = sum(1 for _ in (folder / "mails.jsonl").open())
        self._readers = ThreadPoolExecutor(_READERS)

    def arrived(self, message: Arrived) -> None:
        """Write it down, and let its recipient act now or later."""
        self._number += 1
        name = f"{self._number:06d}.eml"
        if self._keep:
            (self._folder / "mails" / name).write_bytes(message.content)
        found = re.search(rb"(?im)^Message-ID:\s*(<[^>]*>)", message.content.partition(b"\r\n\r\n")[0])
        line = {
            "at": time.time(),
            "sender": message.sender,
            "recipient": message.recipient,
            "message_id": found[1].decode("ascii", "replace") if found else "",
            "file": name if self._keep else "",
        }
        self._index.write(json.dumps(line) + "\n")
        behaviour, loop = behaviour_of(message.recipient), asyncio.get_running_loop()
        if behaviour in AT_ONCE:
            loop.run_in_executor(self._readers, self._act, behaviour, message)
        elif behaviour in LATER:
            loop.call_later(
                self._reads_after_s, lambda: loop.run_in_executor(self._readers, self._act, behaviour, message)
            )

    async def read_home(self, maildir: Path) -> None:
        """Take what Postfix delivers to the mailboxes of ``home.*``, for ever."""
        while True:
            for path in sorted((maildir / "new").iterdir()):
                self.arrived(_of_maildir(path.read_bytes()))
                path.unlink()
            await asyncio.sleep(_LOOKS_EVERY_S)

    def _act(self, behaviour: str, message: Arrived) -> None:
        for what, status in (AT_ONCE | LATER)[behaviour](self._world, message):
            line = {"at": time.time(), "recipient": message.recipient, "what": what, "status": status}
            self._acts.write(json.dumps(line) + "\n")


def _of_maildir(content: bytes) -> Arrived:
    """A message as Postfix's virtual(8) files it: the envelope in three lines before, and LF."""
    lines = content.split(b"\n", 3)
    envelope = dict(line.decode().split(": ", 1) for line in lines[:3])
    message = lines[3].replace(b"\n", b"\r\n")
    return Arrived(envelope["Return-Path"].strip("<>"), envelope["Delivered-To"], message)


async def main(folder: Path, ports: tuple[int, int], world: World, how: tuple[float, float, bool]) -> None:
    """Serve until standard input ends. ports: SMTP, LMTP. how: seconds until people read, seconds of ``slow``, keep."""
    reads_after_s, slow_s, keep = how
    recipients = Recipients(folder, world, reads_after_s=reads_after_s, keep=keep)
    for port, lmtp in zip(ports, (False, True), strict=True):
        door = Door(recipients.arrived, lmtp=lmtp, slow_s=slow_s)
        await asyncio.start_server(door.serve, "127.0.0.1", port, limit=1 << 27, backlog=_BACKLOG)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    home = asyncio.create_task(recipients.read_home(folder / "home"))
    await asyncio.to_thread(sys.stdin.read)
    home.cancel()


if __name__ == "__main__":
    where, mx, lmtp_port, relay, web, after, slow, kept = sys.argv[1:]
    asyncio.run(
        main(
            Path(where),
            (int(mx), int(lmtp_port)),
            World(int(web), int(relay)),
            (float(after), float(slow), kept == "yes"),
        )
    )
