"""Requests over ``wasi:http``. Inside of a component whose world has it, and nowhere else."""

from __future__ import annotations

from typing import Any
from urllib.parse import urldefrag, urlsplit

from componentize_py_types import Err, Ok
from wit_world.imports import wasi_http_outgoing_handler_0_2_6 as _handler
from wit_world.imports import wasi_http_types_0_2_6 as _types
from wit_world.imports import wasi_io_streams_0_2_6 as _streams

from .http import HttpError, Request, Response

# What is written and read at once, in bytes.
_WRITE_BYTES = 4096
_READ_BYTES = 64 << 10

_METHODS = {
    "GET": _types.Method_Get,
    "HEAD": _types.Method_Head,
    "POST": _types.Method_Post,
    "PUT": _types.Method_Put,
    "DELETE": _types.Method_Delete,
    "OPTIONS": _types.Method_Options,
    "PATCH": _types.Method_Patch,
}
_SCHEMES = {"http": _types.Scheme_Http, "https": _types.Scheme_Https}


def send(request: Request) -> Response:
    """One request and its whole answer."""
    outgoing = _outgoing(request)
    body = outgoing.body()
    try:
        future = _handler.handle(outgoing, _options(request))
    except Err as error:
        raise _error(error.value) from None
    _write(body, request.body)
    with future:
        with future.subscribe() as ready:
            ready.block()
        answer = future.get()
        if not isinstance(answer, Ok):
            raise HttpError(f"{request.method} {request.url}: its answer was taken already")
        if isinstance(answer.value, Err):
            raise _error(answer.value.value)
        return _read(answer.value.value)


def _outgoing(request: Request) -> Any:
    parts = urlsplit(urldefrag(request.url).url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = _METHODS.get(request.method)
    method = named() if named else _types.Method_Other(request.method)
    known = _SCHEMES.get(parts.scheme)
    scheme = known() if known else _types.Scheme_Other(parts.scheme)
    headers = [(name, value.encode()) for name, value in request.headers.items()]
    outgoing = _types.OutgoingRequest(_set(request, "a header", lambda: _types.Fields.from_list(headers)))
    _set(request, "the method", lambda: outgoing.set_method(method))
    _set(request, "the scheme", lambda: outgoing.set_scheme(scheme))
    _set(request, "the host", lambda: outgoing.set_authority(parts.netloc))
    _set(request, "the path", lambda: outgoing.set_path_with_query(path))
    return outgoing


def _set(request: Request, what: str, call: Any) -> Any:
    try:
        return call()
    except (Err, UnicodeEncodeError):
        raise HttpError(f"{request.method} {request.url}: {what} is not one of HTTP") from None


def _options(request: Request) -> Any:
    if request.timeout_ms is None:
        return None
    options = _types.RequestOptions()
    options.set_first_byte_timeout(max(request.timeout_ms, 0) * 1_000_000)
    return options


def _write(body: Any, content: bytes) -> None:
    try:
        if content:
            with body.write() as stream:
                for start in range(0, len(content), _WRITE_BYTES):
                    stream.blocking_write_and_flush(content[start : start + _WRITE_BYTES])
        _types.OutgoingBody.finish(body, None)
    except Err:
        pass  # The answer says why.


def _read(response: Any) -> Response:
    with response:
        headers: dict[str, str] = {}
        with response.headers() as fields:
            for name, value in fields.entries():
                try:
                    headers.setdefault(name.lower(), value.decode())
                except UnicodeDecodeError:
                    continue
        with response.consume() as body, body.stream() as stream:
            return Response(response.status(), headers, _read_all(stream))


def _read_all(stream: Any) -> bytes:
    content = bytearray()
    while True:
        try:
            content += stream.blocking_read(_READ_BYTES)
        except Err as error:
            if isinstance(error.value, _streams.StreamError_Closed):
                return bytes(content)
            raise HttpError(error.value.value.to_debug_string()) from None


def _error(code: Any) -> HttpError:
    if isinstance(code, _types.ErrorCode_InternalError) and code.value:
        return HttpError(code.value)
    return HttpError(f"the request failed: {type(code).__name__.removeprefix('ErrorCode_')}")
