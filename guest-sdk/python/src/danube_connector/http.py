"""Requests to the hosts that the pipeline file grants the connector (``grants.http``).

The host makes them: it has the sockets and the secrets. A header whose value is ``secret:NAME`` is sent with the secret of
that name, which the component never sees. In a test, the harness's ``http`` answers.

A source or sink that imports this module says so in its ``connector.toml``: ``http = true`` in ``[build]``. A poller has it.
"""

from __future__ import annotations

import json as _json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

from . import _host
from ._errors import Retryable
from ._json import dumps, utf8

REDIRECTS_MAX = 5
"""Most redirects that are followed."""

_MOVED = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Request:
    """A request, as the harness's ``http`` is given it."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """As they were given."""
    body: bytes = b""
    timeout_ms: int | None = None

    def header(self, name: str) -> str | None:
        """A header by its name in lower case."""
        return next((value for known, value in self.headers.items() if known.lower() == name), None)


@dataclass(frozen=True)
class Response:
    """An answer, whatever its status."""

    status: int
    """Such as 200."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those that are text, names in lower case, of several with one name the first."""
    body: bytes = b""
    url: str = ""
    """Whose answer it is: after redirects another one than was asked."""

    @property
    def ok(self) -> bool:
        """Whether the status is of 200 to 299."""
        return 200 <= self.status <= 299

    def header(self, name: str) -> str | None:
        """A header by its name in lower case."""
        return self.headers.get(name)

    def text(self) -> str:
        """The body as text. HttpError if it is not UTF-8."""
        try:
            return self.body.decode()
        except UnicodeDecodeError as error:
            raise HttpError(f"the answer of {self.url} is not UTF-8: byte {error.start} cannot be") from None

    def json(self) -> Any:
        """The body as JSON. HttpError if it is not."""
        try:
            return _json.loads(self.text())
        except (ValueError, RecursionError) as error:
            raise HttpError(f"the answer of {self.url} is not JSON: {error}") from None


class HttpError(Retryable):
    """Why there is no answer: the host's sentence. What was not answered may be answered later: uncaught, it makes the host
    call again."""


def get(url: str, *, headers: Mapping[str, str] | None = None, timeout_ms: int | None = None) -> Response:
    """Asks an absolute URL, as :func:`request` does."""
    return request("GET", url, headers=headers, timeout_ms=timeout_ms)


def post(
    url: str,
    body: bytes | str = b"",
    *,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout_ms: int | None = None,
) -> Response:
    """Sends a body to an absolute URL, as :func:`request` does."""
    return request("POST", url, body, json=json, headers=headers, timeout_ms=timeout_ms)


def request(
    method: str,
    url: str,
    body: bytes | str = b"",
    *,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout_ms: int | None = None,
) -> Response:
    """Makes a request and returns its whole answer. HttpError if there is none.

    ``json`` is a body that is spelled as JSON, with its ``content-type``. Redirects of a GET are followed: each is a request
    of its own, which must be granted, too. ``timeout_ms`` is how long each may take; no longer than
    ``grants.http.request_timeout_ms`` in any case.
    """
    given = dict(headers or {})
    if json is not None:
        body = dumps(json)
        if not any(name.lower() == "content-type" for name in given):
            given["content-type"] = "application/json"
    sent = utf8(body, "a body") if isinstance(body, str) else bytes(body)
    return _follow(Request(method, url, given, sent, timeout_ms))


def _follow(asked: Request) -> Response:
    for _ in range(REDIRECTS_MAX + 1):
        _check(asked.url)
        response = replace(_send(asked), url=asked.url)
        location = response.header("location")
        if asked.method != "GET" or response.status not in _MOVED or location is None:
            return response
        asked = replace(asked, url=urldefrag(urljoin(asked.url, location)).url)
    raise HttpError(f"more than {REDIRECTS_MAX} redirects, the last to {asked.url}")


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if not parts.scheme or not parts.netloc:
        raise HttpError(f"`{url}` is not an absolute URL such as `https://api.example.com/items`")


def _answered(asked: Request) -> Response:
    """In a test."""
    answer = _host.recorder.answer
    if answer is None:
        raise HttpError("nothing answers in this test: give the harness `http`, a function from a Request to a Response")
    response: Response = answer(asked)
    return response


_send: Callable[[Request], Response] = _answered
if _host.IN_COMPONENT:
    try:
        # It needs what is above.
        from . import _wasi_http

        _send = _wasi_http.send
    except ImportError as missing:
        raise ImportError(
            "danube_connector.http is not in this component's world: write `http = true` in the table [build] of connector.toml"
        ) from missing
