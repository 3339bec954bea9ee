"""Which address a request may go to next: the first one, and those that redirects name. Pure."""

from __future__ import annotations

from yarl import URL

from central.domain.delivery import NoAnswerReason


class HopRefused(Exception):
    """A hop that must not be made; carries the reason and the sentence of the answer."""

    def __init__(self, reason: NoAnswerReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: NoAnswerReason = reason
        self.detail = detail


def checked(text: str, *, plain_http: bool, encoded: bool = False) -> URL:
    """The address as a URL, without log-in data; ``encoded`` = its percent-encoding stays as it is. Raises HopRefused."""
    try:
        url = URL(text, encoded=encoded)
        host, _ = url.raw_host, url.port
    except ValueError as error:
        raise HopRefused("bad_url", "The address cannot be read.") from error
    if url.scheme not in ("http", "https") or not host:
        raise HopRefused("bad_url", "The address has no host, or is neither https nor http.")
    if url.scheme == "http" and not plain_http:
        raise HopRefused("plain_http_refused", "This account may only use https addresses.")
    return url.with_user(None) if url.raw_user or url.raw_password else url


def redirected(url: URL, location: str, *, plain_http: bool) -> URL:
    """Where a redirect leads. Raises HopRefused."""
    try:
        target = url.join(URL(location))
    except ValueError as error:
        raise HopRefused("bad_redirect", "The redirect leads to no URL.") from error
    if not location or (url.scheme == "https" and target.scheme != "https"):
        raise HopRefused("bad_redirect", "The redirect leads nowhere, or from https to plain http.")
    return checked(str(target), plain_http=plain_http)
