"""The names that an SMSC gives to messages: the answer to a submit and the receipt may write one id in different ways. Pure.

Carriers give the id in hexadecimal and tell of it in decimal, or the other way round, with or without leading zeros, in either
case (SMPP v3.4, section 5.2.23, calls it opaque). Guessing both ways for each receipt may hit the id of another message, so a
carrier's way is learnt from the answers of this process and then fixed; a setting may fix it at once.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from typing import Final

from central.adapters.smpp.config import IdForm

_REMEMBERED: Final = 20_000
_VOTES: Final = 20
_LEAD: Final = 3
_DECIMAL: Final = re.compile(r"[0-9]{1,39}")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{1,32}")
_USUAL_WIDTHS: Final = (8, 10, 16, 20)
_LONGEST: Final = 255


class MessageIds:
    """What one carrier's ids look like; remembers recent answers, and who the sender was, for query_sm."""

    def __init__(self, form: IdForm = "learn", remembered: int = _REMEMBERED) -> None:
        self.form: IdForm = form
        self._recent: OrderedDict[str, str] = OrderedDict()
        self._remembered = remembered
        self._votes: Counter[IdForm] = Counter()
        self._widths: Counter[int] = Counter()

    def answered(self, message_id: str, sender: str) -> None:
        """An answer to a submit gave this id; "" = it gave none."""
        if not message_id:
            return
        self._recent[message_id] = sender
        if self.form == "learn":
            self._widths[len(message_id)] += 1
        if len(self._recent) > self._remembered:
            self._recent.popitem(last=False)

    def sender_of(self, message_id: str) -> str:
        """The sender of a message that this process sent not long ago, "" for others."""
        return self._recent.get(message_id, "")

    def forms(self, message_id: str) -> tuple[str, ...]:
        """All ids under which an answer may have named what a receipt calls ``message_id``; that itself first."""
        message_id = message_id[:_LONGEST]
        if not message_id:
            return ()
        if self.form == "exact":
            return (message_id,)
        ways = self._ways(message_id)
        form = self._learn(message_id, ways) if self.form == "learn" else self.form
        forms = [one for way in ways.values() for one in way] if form == "learn" else ways.get(form, [])
        return tuple(dict.fromkeys([message_id, *forms]))

    def _ways(self, message_id: str) -> dict[IdForm, list[str]]:
        ways: dict[IdForm, list[str]] = {"same": self._alike(message_id)}
        if _DECIMAL.fullmatch(message_id):
            ways["hex_then_decimal"] = self._alike(f"{int(message_id):x}")
        if _HEX.fullmatch(message_id):
            ways["decimal_then_hex"] = self._alike(str(int(message_id, 16)))
        return ways

    def _alike(self, message_id: str) -> list[str]:
        """The same digits with other zeros and in the other case."""
        bare = message_id.lstrip("0") or "0"
        found = [message_id, bare]
        if _HEX.fullmatch(bare):
            widths = {width for width, _ in self._widths.most_common(4)} | {*_USUAL_WIDTHS}
            found += [bare.rjust(width, "0") for width in sorted(widths) if width > len(bare)]
        return [form for one in found for form in (one, one.lower(), one.upper())]

    def _learn(self, message_id: str, ways: dict[IdForm, list[str]]) -> IdForm:
        """The way to read this receipt while the carrier's is not known for sure.

        A receipt whose id fits recent answers in one way alone is a vote; enough votes and none against them fix the way, a
        few lead. Without a leader an id that was answered just so is that very message, and so is one of the usual width with
        the usual zeros whose answer has not come yet; all others may be any.
        """
        fits: list[IdForm] = [way for way, forms in ways.items() if any(form in self._recent for form in forms)]
        exact = message_id in self._recent
        if fits == ["same"] and exact:
            fits = ["exact"]
        if len(fits) == 1:
            self._votes[fits[0]] += 1
        if len(self._votes) > 1:
            self._votes.clear()
        for way, votes in self._votes.items():
            if votes >= _VOTES:
                self.form = way
            if votes >= _LEAD:
                return way
        padded = message_id.startswith("0") and list(self._widths) == [len(message_id)]
        return "exact" if exact or padded else "learn"
