"""Building blocks of SIPp scenarios: requests and responses as XML text, each a small function.

SIPp fills ``[last_Via:]`` and its like from the message received last, so a reply must follow its request before anything
else is received; ``reply_to_invite`` is for later, from variables that ``INVITE`` saved.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

CODES = {
    301: "Moved Permanently", 302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
    415: "Unsupported Media Type", 420: "Bad Extension", 480: "Temporarily Unavailable", 484: "Address Incomplete",
    486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 500: "Server Internal Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Server Time-out",
    600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable", 607: "Unwanted",
    608: "Rejected",
}  # fmt: skip
"""Refusals a carrier can give (IANA registry of SIP response codes)."""

Q850 = {
    1: "Unallocated number", 16: "Normal call clearing", 17: "User busy", 18: "No user responding",
    19: "No answer from user", 20: "Subscriber absent", 21: "Call rejected", 27: "Destination out of order",
    34: "No circuit available", 38: "Network out of order", 41: "Temporary failure",
}  # fmt: skip
"""Causes for Reason headers (ITU-T Q.850)."""

_ELSEWHERE = "Contact: <sip:919899999999@[local_ip]:[local_port]>\n"
_DIGEST = 'Digest realm="carrier", nonce="abc", algorithm=MD5\n'
_EXTRA_HEADERS = {
    301: _ELSEWHERE, 302: _ELSEWHERE, 401: f"WWW-Authenticate: {_DIGEST}", 407: f"Proxy-Authenticate: {_DIGEST}",
    420: "Unsupported: 100rel\n", 503: "Retry-After: 5\n",
}  # fmt: skip

CONTACT = "Contact: <sip:carrier@[contact]>\n"
"""``[contact]`` is given on SIPp's command line, because a TLS front may stand before it."""

_SDP = """
v=0
o=carrier 1 {version} IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a={direction}
"""
_TAG = ";tag=[pid]T[call_number]"
_LATER = "</action></recv>\n"


def sdp(direction: str = "sendrecv", version: int = 1) -> str:
    """An offer or answer: G.711 and telephone events (RFC 4566, RFC 3264)."""
    return _SDP.format(direction=direction, version=version)


def reason(q850: int | None) -> str:
    """A Reason header (RFC 3326); nothing for None."""
    return f'Reason: Q.850;cause={q850};text="{Q850[q850]}"\n' if q850 else ""


def send(message: str, body: str = "", *, retransmit: bool = False) -> str:
    """Send a message; ``retransmit`` repeats it until something is received."""
    kind = "application/dtmf-relay" if body.lstrip().startswith("Signal") else "application/sdp"
    length = f"Content-Type: {kind}\nContent-Length: [len]\n{body}" if body else "Content-Length: 0\n"
    attribute = ' retrans="500"' if retransmit else ""
    return f"<send{attribute}><![CDATA[\n{message}{length}\n]]></send>\n"


def reply(code: int, text: str, *, tag: bool = True, extra: str = "", body: str = "", retransmit: bool = True) -> str:
    """A response to the request received last; final ones to INVITE are repeated until the ACK comes."""
    message = f"SIP/2.0 {code} {text}\n[last_Via:]\n[last_From:]\n[last_To:]{_TAG if tag else ''}\n[last_Call-ID:]\n[last_CSeq:]\n"
    contact = CONTACT if body or code in (180, 200) else ""
    final = code >= 300 or (bool(body) and code == 200)  # noqa: PLR2004 - SIP response classes
    return send(message + contact + extra, body, retransmit=final and retransmit)


def refuse(code: int, q850: int | None = None) -> str:
    """A final refusal and its ACK."""
    return reply(code, CODES[code], extra=_EXTRA_HEADERS.get(code, "") + reason(q850)) + ACK


def reply_to_invite(code: int, text: str, body: str = "") -> str:
    """A response to the INVITE after another message has become the last one."""
    return send(
        f"SIP/2.0 {code} {text}\nVia:[$via]\nFrom: [$from]\nTo: [$to]{_TAG}\n[last_Call-ID:]\nCSeq:[$cseq]\n"
        + (CONTACT if body else ""),
        body,
        retransmit=True,
    )


def bye_in_passing() -> str:
    """Receive a BYE, send one of our own before answering it, then answer: both sides hang up at once."""
    saved = find(".*", "Via", "bye_via") + find(".*", "CSeq", "bye_cseq")
    return (
        f'<recv request="BYE"><action>{saved}{_LATER}<Reference variables="bye_via,bye_cseq"/>\n'
        + request("BYE", 1, retransmit=False)
        + expect(481, optional=True)
        + expect(200)
        + send(f"SIP/2.0 200 OK\nVia:[$bye_via]\nFrom: [$from]\nTo: [$to]{_TAG}\n[last_Call-ID:]\nCSeq:[$bye_cseq]\n")
    )


def pause(ms: int) -> str:
    """Wait; a message that comes meanwhile is unexpected."""
    return f'<pause milliseconds="{ms}"/>\n'


def play(file: str) -> str:
    """Send a G.711 u-law file as RTP."""
    return f'<nop><action><exec rtp_stream="{file},1,0,PCMU/8000"/></action></nop>\n'


def replay(capture: str) -> str:
    """Replay an RTP capture over a raw socket (root or CAP_NET_RAW)."""
    return f'<nop><action><exec play_pcap_audio="{capture}"/></action></nop>\n'


def find(regexp: str, header: str, into: str) -> str:
    """Save what matches in a header (or in the whole message when ``header`` is empty)."""
    where = f'search_in="hdr" header="{header}:"' if header else 'search_in="msg"'
    return f'<ereg regexp={quoteattr(regexp)} {where} assign_to="{into}"/>'


_NOTED = ("all0", "number", "attempt", "caller", "branch", "all4")
_SAVED = ("cseq", "via", "all1", "target", "all2", "from", "all3", "to")


def invite(more: str = "", variables: tuple[str, ...] = ()) -> str:
    """Receive the INVITE: write it to the log for counting, save what later messages need."""
    actions = (
        find(r"INVITE sips?:\+?([^@;]*)", "", "all0,number")
        + find(r"[^ ].*", "X-Central-Attempt", "attempt")
        + find(r"[^ ].*", "From", "caller")
        + find(r"branch=([^;]*)", "Via", "all4,branch")
        + '<log message="INVITE\t[call_id]\t[$branch]\t[$attempt]\t[$number]\t[$caller]"/>'
        + find(".*", "CSeq", "cseq")
        + find(".*", "Via", "via")
        + find("<(sips?:[^>]*)>", "Contact", "all1,target")
        + find(" *(.*)", "From", "all2,from")
        + find(" *(.*)", "To", "all3,to")
        + more
    )
    names = ",".join((*_NOTED, *_SAVED, *variables))
    return f'<recv request="INVITE" crlf="true" rrs="true"><action>{actions}{_LATER}<Reference variables="{names}"/>\n'


def request(method: str, cseq: int, extra: str = "", body: str = "", *, retransmit: bool = True) -> str:
    """A request of ours within the dialogue that the far end opened."""
    contact = CONTACT if method == "INVITE" else ""
    return send(
        f"{method} [$target] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n[routes]\n"
        f"From: [$to]{_TAG}\nTo: [$from]\n[last_Call-ID:]\nCSeq: {cseq} {method}\nMax-Forwards: 70\n{contact}{extra}",
        body,
        retransmit=retransmit,
    )


def expect(response: int, *, optional: bool = False) -> str:
    """Receive a response to a request of ours."""
    return f'<recv response="{response}"{" optional=" + chr(34) + "true" + chr(34) if optional else ""}></recv>\n'


def bye(q850: int | None = None, cseq: int = 1) -> str:
    """Hang up from this side."""
    return request("BYE", cseq, reason(q850)) + expect(200)


def press_by_info(digit: str, cseq: int) -> str:
    """One digit as SIP INFO (draft-kaplan-dispatch-info-dtmf-package, content type application/dtmf-relay)."""
    return request("INFO", cseq, body=f"\nSignal={digit}\nDuration=160\n") + expect(200)


def reinvite(direction: str, cseq: int, version: int) -> str:
    """Change the media direction from this side (RFC 3264, 8.4)."""
    return (
        request("INVITE", cseq, body=sdp(direction, version))
        + expect(100, optional=True)
        + expect(200)
        + request("ACK", cseq, retransmit=False)
    )


TRYING = reply(100, "Trying", tag=False)
RINGING = reply(180, "Ringing")
PROGRESS = reply(183, "Session Progress", body=sdp())
OK = reply(200, "OK", body=sdp())
ACK = '<recv request="ACK" crlf="true"></recv>\n'
BYE = '<recv request="BYE"></recv>\n' + reply(200, "OK", tag=False)
CANCEL = '<recv request="CANCEL"></recv>\n' + reply(200, "OK")
CANCELLED = CANCEL + reply_to_invite(487, CODES[487]) + ACK
