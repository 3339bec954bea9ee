"""Code tables of the voice channel, each with its source document: what a number means and who made it up.

Step 3 of the path (channel). The statuses themselves come from ``domain/dispositions``; here are only words for people and
the figures that Asterisk derives by itself, which must not be taken for the other side's news.
"""

from __future__ import annotations

from collections.abc import Mapping

# IANA registry "Session Initiation Protocol (SIP) Parameters", response codes; RFC 3261 section 21, RFC 8197 (607),
# RFC 8688 (608).
SIP_TEXT: Mapping[int, str] = {
    300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy",
    380: "Alternative Service", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required",
    408: "Request Timeout", 410: "Gone", 413: "Request Entity Too Large", 414: "Request-URI Too Long",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required",
    422: "Session Interval Too Small", 423: "Interval Too Brief", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
    485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending",
    493: "Undecipherable", 500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
    580: "Precondition Failure", 600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere",
    606: "Not Acceptable", 607: "Unwanted", 608: "Rejected",
}  # fmt: skip

# ITU-T Q.850 (10/2018), table 1.
Q850_TEXT: Mapping[int, str] = {
    1: "Unallocated number", 2: "No route to transit network", 3: "No route to destination",
    16: "Normal call clearing", 17: "User busy", 18: "No user responding", 19: "No answer from user",
    20: "Subscriber absent", 21: "Call rejected", 22: "Number changed", 23: "Redirection to new destination",
    26: "Non-selected user clearing", 27: "Destination out of order", 28: "Invalid number format",
    29: "Facility rejected", 31: "Normal, unspecified", 34: "No circuit available", 38: "Network out of order",
    41: "Temporary failure", 42: "Switching equipment congestion", 44: "Requested circuit not available",
    47: "Resource unavailable", 58: "Bearer capability not available", 88: "Incompatible destination",
    102: "Recovery on timer expiry", 111: "Protocol error", 127: "Interworking, unspecified",
}  # fmt: skip

ENGINE_TIMEOUT = (19, 480)
"""(cause, tech_cause) of ChannelDestroyed when the engine's own originate timeout ran out; nobody said them (measured, 22.10)."""

REQUEST_TIMEOUT = 408
"""Real from a carrier, and also what Asterisk reports when SIP timer B ran out and nothing was received."""

TIMER_B_S = 31.5
"""SIP timer B is 64*T1 = 32 s (RFC 3261, 17.1.1.2); measured ends lie just above, so half a second of margin."""

RTP_TIMEOUT_CAUSE = 44
"""Cause (requested circuit not available) that chan_pjsip sets when ``rtp_timeout`` ends a call (measured, 22.10)."""

LOCAL_BY_HTTP: Mapping[int, str] = {400: "no_trunk", 404: "no_trunk", 500: "media_fault", 503: "engine_lost"}
"""Why the engine refused an originate, as a word of statuses.toml ``local``, by ARI's HTTP status.

400: parameters or endpoint not understood; 404: application unknown; 500: allocation failed (no such endpoint or no
media ports); 503: the engine shuts down.
"""


def sip_text(code: int) -> str:
    """The reason phrase of a SIP response code; empty when it is not registered."""
    return SIP_TEXT.get(code, "")


def q850_text(cause: int) -> str:
    """The name of a Q.850 cause; empty when it is not in the table."""
    return Q850_TEXT.get(cause, "")
