"""A record on its way to a topic, and a component's own answer to a waiting caller."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from ._errors import InvalidData
from ._json import dumps, payload_of, utf8

Key = str | bytes | int | None
"""A routing key: text, bytes, a whole number or a boolean, which become their JSON text. None and empty ones are none."""


class Record:
    """A record to publish.

    ``payload`` is any JSON value, or ``bytes`` that are sent as they are. Records of one ``key`` keep their order. ``id`` is
    an event id that is better than the transport's, such as a payment provider's: the sender's retries then meet the same
    record; 1 to 256 bytes without control characters. Attributes beginning with ``x-danube-wasm-`` are the host's and are
    dropped.
    """

    ID_BYTES_MAX = 256

    __slots__ = ("_attributes", "_id", "_key", "_payload", "topic")

    def __init__(
        self,
        topic: str,
        payload: Any,
        *,
        key: Key = None,
        id: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        self._fill(topic, payload_of(payload), key, id, attributes)

    def _fill(
        self, topic: str, payload: bytes | int, key: Key, id: str | None, attributes: Mapping[str, str] | None
    ) -> None:
        self.topic = topic
        self._payload = payload
        self._key = _key_bytes(key)
        self._id = b"" if id is None else id_bytes(id, "an event id", self.ID_BYTES_MAX)
        self._attributes = [
            (utf8(name, "the name of an attribute"), utf8(value, f"attribute {name}"))
            for name, value in (attributes or {}).items()
        ]

    @classmethod
    def _forward(
        cls, topic: str, place: int, key: Key, id: str | None, attributes: Mapping[str, str] | None
    ) -> Record:
        record = cls.__new__(cls)
        record._fill(topic, place, key, id, attributes)
        return record


class Reply:
    """What a waiting HTTP caller is answered instead of the host's own answer, once the records of its event (if any) are
    durable. Subscription handshakes need it.

    ``status`` is within 200 to 499, ``content_type`` printable ASCII of at most 256 bytes, ``body`` at most 64 KiB.
    """

    BODY_BYTES_MAX = 64 << 10
    CONTENT_TYPE_BYTES_MAX = 256

    __slots__ = ("body", "content_type", "status")

    def __init__(self, status: int, body: bytes = b"", content_type: str = "application/octet-stream") -> None:
        if not 200 <= status <= 499:
            raise InvalidData(f"an answer's status is within 200 to 499, not {status}")
        if not all(" " <= c <= "~" for c in content_type) or len(content_type) > self.CONTENT_TYPE_BYTES_MAX:
            raise InvalidData("an answer's content type is printable ASCII of at most 256 bytes")
        if len(body) > self.BODY_BYTES_MAX:
            raise InvalidData(f"an answer's body has at most {self.BODY_BYTES_MAX} bytes, not {len(body)}")
        self.status = status
        self.content_type = content_type
        self.body = body

    @classmethod
    def text(cls, status: int, text: str) -> Reply:
        """Plain text."""
        return cls(status, utf8(text, "an answer"), "text/plain; charset=utf-8")

    @classmethod
    def json(cls, status: int, value: Any) -> Reply:
        """JSON."""
        return cls(status, dumps(value), "application/json")


def id_bytes(id: str, what: str, longest: int) -> bytes:
    """An id as it crosses. InvalidData if it is empty, too long or has control characters."""
    encoded = utf8(id, what)
    if not 1 <= len(encoded) <= longest or any(unicodedata.category(c) == "Cc" for c in id):
        raise InvalidData(f"{what} has 1 to {longest} bytes and no control characters")
    return encoded


def _key_bytes(key: Key) -> bytes:
    if key is None:
        return b""
    if isinstance(key, str):
        return utf8(key, "a key")
    if isinstance(key, bytes):
        return key
    if isinstance(key, int):
        return dumps(key)
    raise InvalidData(f"a key is a string, bytes, a whole number or a boolean, not {type(key).__name__}")
