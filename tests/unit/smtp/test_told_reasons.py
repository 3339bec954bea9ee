"""Every reason for which a draft is refused is told to those who write templates."""

from __future__ import annotations

import re
from pathlib import Path

import central.adapters.smtp

ROOM = Path(central.adapters.smtp.__file__).parent
PAGE = Path(__file__).parents[3] / "docs" / "howto" / "write-mail-templates.md"
RAISED = re.compile(r"(?:Unfitting|OperatorError)\(\s*\"([a-z_]+)\"")
COMPOSING = ("compose", "headers", "html_shape", "links", "mime", "rendering", "signing", "templates")


def test_every_reason_stands_in_the_how_to() -> None:
    raised = {word for name in COMPOSING for word in RAISED.findall((ROOM / f"{name}.py").read_text("utf-8"))}
    assert len(raised) > 20
    told = set(re.findall(r"`([a-z_]+)`", PAGE.read_text("utf-8").partition("## Why a message was refused")[2]))
    assert raised == told - {"default"}
