"""JSON as the host knows it: UTF-8, without NaN and infinities."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from ._errors import InvalidData


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


_decoder = json.JSONDecoder(parse_constant=_no_number)
_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ascii_encoder = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def text_of(payload: bytes, what: str) -> str:
    """Bytes as text; InvalidData, which begins with ``what``, if they are not UTF-8."""
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise InvalidData(f"{what} not UTF-8: byte {error.start} cannot be") from None


def loads(payload: bytes) -> Any:
    """What JSON text says; InvalidData if it is none."""
    text = text_of(payload, "not JSON:")
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidData(f"not JSON: {error.msg}: line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise InvalidData("not JSON: nested too deeply") from None
    except ValueError as error:
        raise InvalidData(f"not JSON: {error}") from None


def dumps(value: Any) -> bytes:
    """A value as JSON text; InvalidData for numbers that JSON does not have."""
    try:
        return _encoder.encode(value).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair has no UTF-8, but JSON can spell it.
        return _ascii_encoder.encode(value).encode()
    except ValueError as error:
        raise InvalidData(f"cannot be spelled as JSON: {error}") from None


def payload_of(value: Any) -> bytes:
    """Bytes as they are, anything else as JSON text."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return dumps(value)


def utf8(text: str, what: str) -> bytes:
    """A text as it crosses; InvalidData if it has half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidData(f"{what} has half of a surrogate pair, which is not UTF-8") from None
