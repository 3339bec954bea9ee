"""What a sender's domain has to publish in the DNS, and what to say of what it does publish. Pure.

Mailbox providers ask that a message is signed by the domain of its sender (DKIM, RFC 6376) or comes from a place that the
envelope's domain names (SPF, RFC 7208), and that the domain says what to do otherwise (DMARC, RFC 7489). Bounces must find us:
the envelope's domain has our host as its mail exchanger.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

RecordKind = Literal["dkim", "spf", "dmarc", "return_path"]
RecordState = Literal["right", "missing", "different", "several", "unknown"]

_TAG: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*([^;]*?)\s*(?:;|\Z)")
_DMARC_POLICIES: Final = frozenset({"none", "quarantine", "reject"})
_MX: Final = re.compile(r"([0-9]{1,5}) (\S+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class WantedRecord:
    """One record to publish. needed: without it the domain is not proved; the others are advice of weight."""

    kind: RecordKind
    name: str
    record_type: Literal["TXT", "MX"]
    value: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class JudgedRecord:
    """A wanted record beside what is published. detail: a sentence, "" when it is right."""

    wanted: WantedRecord
    state: RecordState
    found: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class MailHouse:
    """What is the same for all domains that send through us.

    bounce_host: the name of our server for bounces. spf_terms: what names our relays, such as ``include:_spf.example.net`` or
    ``ip4:192.0.2.1``. dmarc_reports: the address for reports, "" = none.
    """

    bounce_host: str
    spf_terms: tuple[str, ...]
    dmarc_reports: str = ""


def wanted_records(
    domain: str, bounce_domain: str, keys: Sequence[tuple[str, str]], house: MailHouse
) -> tuple[WantedRecord, ...]:
    """The records of one domain. keys: selector and text of the public key (``v=DKIM1; ...``) of each key that signs.

    RSA is needed, as every receiver knows it; an Ed25519 key (RFC 8463) signs beside it once it is published.
    """
    reports = f"; rua=mailto:{house.dmarc_reports}" if house.dmarc_reports else ""
    return (
        *(
            WantedRecord("dkim", f"{selector}._domainkey.{domain}", "TXT", text, _tags(text).get("k") != "ed25519")
            for selector, text in keys
        ),
        WantedRecord("spf", bounce_domain, "TXT", " ".join(("v=spf1", *house.spf_terms, "-all"))),
        WantedRecord("return_path", bounce_domain, "MX", f"10 {house.bounce_host}"),
        WantedRecord("dmarc", f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=none{reports}", needed=False),
    )


def judge_record(wanted: WantedRecord, found: Sequence[str] | None) -> JudgedRecord:
    """Compare what is published (texts joined; exchangers as ``10 host``) with what is wanted; None = it could not be asked for."""
    if found is None:
        return JudgedRecord(wanted, "unknown", (), "The name servers of the domain gave no answer; this says nothing.")
    state, detail = _verdict(wanted, found)
    return JudgedRecord(wanted, state, tuple(found), detail)


def is_proved(judged: Sequence[JudgedRecord]) -> bool:
    """Tell whether all that is needed is published, with at least one key."""
    needed = [one for one in judged if one.wanted.needed]
    return any(one.wanted.kind == "dkim" for one in needed) and all(one.state == "right" for one in needed)


_Verdict = tuple[RecordState, str]
_RIGHT: Final[_Verdict] = ("right", "")


def _verdict(wanted: WantedRecord, found: Sequence[str]) -> _Verdict:
    match wanted.kind:
        case "dkim":
            return _judge_dkim(wanted, found)
        case "spf":
            return _judge_spf(wanted, found)
        case "dmarc":
            return _judge_dmarc(found)
        case "return_path":
            return _judge_exchangers(wanted, found)


def _judge_dkim(wanted: WantedRecord, found: Sequence[str]) -> _Verdict:
    keys = [tags for tags in map(_tags, found) if "p" in tags and tags.get("v", "DKIM1") == "DKIM1"]
    if not keys:
        return "missing", "No key is published under this name."
    if len(keys) > 1:
        return "several", "More than one key is published under this name; receivers may take either."
    (tags,), mine = keys, _tags(wanted.value)
    if not tags["p"]:
        return "different", "The published key is empty, which revokes it."
    if _bare(tags["p"]) != _bare(mine["p"]) or tags.get("k", "rsa") != mine.get("k", "rsa"):
        return "different", "Another key is published under this name."
    if "h" in tags and "sha256" not in tags["h"].split(":"):
        return "different", "The published key forbids SHA-256."
    if "y" in tags.get("t", "").split(":"):
        return "different", "The published key says that it is only tried out (t=y); receivers may ignore it."
    return _RIGHT


def _judge_spf(wanted: WantedRecord, found: Sequence[str]) -> _Verdict:
    records = [text for text in found if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
    if not records:
        return "missing", "No record that begins with v=spf1 is published under this name."
    if len(records) > 1:
        return "several", "More than one SPF record is published under this name, which makes all of them void."
    reached: list[str] = []
    for term in records[0].lower().split()[1:]:
        if term.lstrip("+-~?") == "all":
            if term.startswith(("all", "+all")):
                return _RIGHT  # everybody may send, and so may we
            break
        reached.append(term.removeprefix("+"))
    lacking = [term for term in wanted.value.split()[1:-1] if term.lower() not in reached]
    if lacking:
        return "different", f"The SPF record lacks {' '.join(lacking)} (before its all)."
    return _RIGHT


def _judge_dmarc(found: Sequence[str]) -> _Verdict:
    records = [tags for tags in map(_tags, found) if tags.get("v") == "DMARC1"]
    if not records:
        return "missing", "No policy is published; large providers then refuse bulk mail."
    if len(records) > 1:
        return "several", "More than one policy is published, which makes all of them void."
    if records[0].get("p", "").lower() not in _DMARC_POLICIES:
        return "different", "The policy (p) is none of none, quarantine, reject."
    return _RIGHT


def _judge_exchangers(wanted: WantedRecord, found: Sequence[str]) -> _Verdict:
    exchangers = sorted(
        (int(one[1]), one[2].rstrip(".").lower()) for text in found if (one := _MX.fullmatch(text)) is not None
    )
    if not exchangers:
        return "missing", "No mail exchanger is published for bounces."
    host = wanted.value.split()[1].rstrip(".").lower()
    if host not in {name for preference, name in exchangers if preference == exchangers[0][0]}:
        return "different", f"Bounces go to {exchangers[0][1]} and not to {host}."
    return _RIGHT


def _tags(text: str) -> dict[str, str]:
    """``a=b; c=d`` (RFC 6376, section 3.2); what is no tag ends the reading."""
    tags: dict[str, str] = {}
    place = 0
    while place < len(text) and (one := _TAG.match(text, place)):
        tags.setdefault(one[1], one[2])
        place = one.end()
    return tags


def _bare(value: str) -> str:
    return "".join(value.split())
