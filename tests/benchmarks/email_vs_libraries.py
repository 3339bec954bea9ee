"""email_vs_libraries: e-mails composed from one template, signed (RSA 2048), and delivered to smtp-sink, against libraries.

Both sides are one process with ten connections, the same template, values, key and sink, side by side in turns. Neither has a
store. The opponent is ``mail_by_libraries``. Before anything is measured a message of each side is parsed and its signature
verified, so that both do the whole work.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

from central.adapters.smtp.signing import new_key
from central.application.ports.composition import Composed, DkimKey
from central.settings import read_settings
from examples.carrier.mail_house import MailHouse
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio
from tests.benchmarks.mail_by_central import composer, drafts
from tests.benchmarks.mail_by_libraries import Writer, install_openssl
from tests.benchmarks.mail_template import DOMAIN, values_of
from tests.fakes.mail_drafts import verifies

_PATIENCE_S = 600.0


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Runs side by side, in turns."""
    messages = size.of(6_000, 2_000)
    sides = ("central", "libraries")
    rates: dict[str, list[float]] = {side: [] for side in sides}
    cpu_ms: dict[str, list[float]] = {side: [] for side in sides}
    key = new_key("s1", "rsa")
    octets = check_equal(key.private_pem)
    with (
        tempfile.TemporaryDirectory() as folder,
        MailHouse(read_settings().cache_dir / "far-ends", keep=False) as house,
    ):
        pem = Path(folder) / "key.pem"
        pem.write_text(key.private_pem, "ascii")
        for _ in range(size.runs):
            for side in sides:
                seconds, spent = run(side, house.ports.sink, messages, pem)
                rates[side].append(messages / seconds)
                cpu_ms[side].append(spent / messages * 1000)
            progress(", ".join(f"{side} {rates[side][-1]:,.0f}/s, {cpu_ms[side][-1]:.2f} ms" for side in sides))
    raw = {
        "messages": messages,
        "octets": octets,
        "central_per_s": [round(one) for one in rates["central"]],
        "libraries_per_s": [round(one) for one in rates["libraries"]],
        "cpu_ms_each": {side: round(statistics.median(found), 3) for side, found in cpu_ms.items()},
    }
    return median_ratio(rates["central"], rates["libraries"]), raw


def run(side: str, port: int, messages: int, pem: Path) -> tuple[float, float]:
    """Seconds, and processor seconds of the process. RuntimeError when it fails."""
    argv = [sys.executable, "-m", f"tests.benchmarks.mail_by_{side}", str(port), str(messages), str(pem)]
    done = subprocess.run(argv, capture_output=True, timeout=_PATIENCE_S, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{side}: {done.stderr[-2000:]}")
    seconds, spent = map(float, done.stdout.split())
    return seconds, spent


def check_equal(pem: str) -> dict[str, int]:
    """Both sides write the same message; its octets on each side. RuntimeError when they differ or a signature is bad."""
    install_openssl()
    (answer,) = asyncio.run(composer().compose(drafts(pem, range(7, 8))))
    assert isinstance(answer, Composed), answer
    contents = {"central": answer.envelope.content, "libraries": Writer(pem.encode()).write(7)}
    shown: list[tuple[str, ...]] = []
    for side, content in contents.items():
        if verifies(content, DkimKey("s1", pem)) != [True]:
            raise RuntimeError(f"the signature of {side} for {DOMAIN} is bad")
        message = message_from_bytes(content, policy=default)
        bodies = [message.get_body((kind,)) for kind in ("plain", "html")]
        texts = [str(one.get_content()).replace("\r\n", "\n").strip() for one in bodies if one is not None]
        shown.append((str(message["subject"]), str(message["from"]), str(message["to"]), *texts))
    if shown[0] != shown[1] or str(values_of(7)["name"]) not in shown[0][0]:
        raise RuntimeError(f"the messages differ: {shown}")
    return {side: len(content) for side, content in contents.items()}


SPEC = Spec(
    id="email_vs_libraries",
    what="e-mails composed, signed and delivered, against libraries",
    bar=1.5,
    better="higher",
    measure=measure,
)
