"""What a domain publishes, judged: each way to have it right, wrong, twice or not at all."""

from __future__ import annotations

import pytest

from central.domain.mail_domains import MailHouse, WantedRecord, is_proved, judge_record, wanted_records

HOUSE = MailHouse(
    "bounces.central.example.net", ("include:_spf.central.example.net", "ip4:192.0.2.7"), "dmarc@central.example.net"
)
KEY = "v=DKIM1; k=rsa; p=MIIBAAAA"
DKIM, SPF, RETURN_PATH, DMARC = wanted_records("brand.example.com", "b.brand.example.com", [("s1", KEY)], HOUSE)
OUR_SPF = "v=spf1 include:_spf.central.example.net ip4:192.0.2.7 -all"


def test_the_records_are_those_that_receivers_ask_for() -> None:
    assert WantedRecord("dkim", "s1._domainkey.brand.example.com", "TXT", KEY) == DKIM
    assert WantedRecord("spf", "b.brand.example.com", "TXT", OUR_SPF) == SPF
    assert WantedRecord("return_path", "b.brand.example.com", "MX", "10 bounces.central.example.net") == RETURN_PATH
    assert DMARC.value == "v=DMARC1; p=none; rua=mailto:dmarc@central.example.net"
    assert not DMARC.needed


@pytest.mark.parametrize(
    ("wanted", "found", "state"),
    [
        (DKIM, [KEY], "right"),
        (DKIM, ["k=rsa;p=MIIB AAAA"], "right"),
        (DKIM, ["p=MIIBAAAA", "some other text"], "right"),
        (DKIM, [], "missing"),
        (DKIM, ["v=spf1 -all"], "missing"),
        (DKIM, ["v=DKIM1; p="], "different"),
        (DKIM, ["v=DKIM1; p=MIIBBBBB"], "different"),
        (DKIM, ["v=DKIM1; k=ed25519; p=MIIBAAAA"], "different"),
        (DKIM, ["v=DKIM1; h=sha1; p=MIIBAAAA"], "different"),
        (DKIM, ["v=DKIM1; t=y:s; p=MIIBAAAA"], "different"),
        (DKIM, [KEY, KEY], "several"),
        (SPF, [OUR_SPF], "right"),
        (SPF, ["unrelated", "V=SPF1 a mx +ip4:192.0.2.7 include:_SPF.central.example.net ~all"], "right"),
        (SPF, ["v=spf1 +all"], "right"),
        (SPF, [], "missing"),
        (SPF, ["v=spf10 x"], "missing"),
        (SPF, ["v=spf1"], "different"),
        (SPF, ["v=spf1 include:_spf.central.example.net -all"], "different"),
        (SPF, ["v=spf1 -all include:_spf.central.example.net ip4:192.0.2.7"], "different"),
        (SPF, ["v=spf1 -include:_spf.central.example.net ip4:192.0.2.7 -all"], "different"),
        (SPF, [OUR_SPF, "v=spf1 -all"], "several"),
        (RETURN_PATH, ["10 bounces.central.example.net"], "right"),
        (RETURN_PATH, ["20 other.example.net", "5 Bounces.Central.example.net."], "right"),
        (RETURN_PATH, ["5 other.example.net", "10 bounces.central.example.net"], "different"),
        (RETURN_PATH, [], "missing"),
        (RETURN_PATH, ["no exchanger"], "missing"),
        (DMARC, ["v=DMARC1; p=reject"], "right"),
        (DMARC, ["v=DMARC1;p=None;"], "right"),
        (DMARC, ["v=DMARC1"], "different"),
        (DMARC, [], "missing"),
        (DMARC, ["v=DMARC1; p=none", "v=DMARC1; p=none"], "several"),
        (DKIM, None, "unknown"),
    ],
)
def test_what_is_published_is_judged(wanted: WantedRecord, found: list[str] | None, state: str) -> None:
    judged = judge_record(wanted, found)
    assert judged.state == state
    assert bool(judged.detail) == (state != "right")


def test_a_domain_is_proved_by_all_that_is_needed_and_by_a_key() -> None:
    right = [judge_record(DKIM, [KEY]), judge_record(SPF, [OUR_SPF]), judge_record(RETURN_PATH, [RETURN_PATH.value])]
    assert is_proved([*right, judge_record(DMARC, [])])
    assert not is_proved(right[1:])  # no key
    assert not is_proved([*right[:2], judge_record(RETURN_PATH, None)])
