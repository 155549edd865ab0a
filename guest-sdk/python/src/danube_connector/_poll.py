"""What a source fetched, on its way to the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import _columns as columns
from ._contract import Page
from ._json import payload_of
from ._record import Key, Record

Bytes = bytes  # `bytes` is a property below

_U32_MAX = 0xFFFF_FFFF


@dataclass(frozen=True)
class Room:
    """What may be fetched."""

    events: int
    """Most events; at least 1."""
    bytes: int
    """Most bytes of payloads; one event may have more."""


class PolledEvent:
    """An event that was fetched.

    ``payload`` is any JSON value, or ``bytes`` that are sent as they are. ``id`` is the same however often the event is
    fetched, 1 to 256 bytes without control characters; without it, the host makes it of the payload, and events of equal
    payloads are one. ``key`` is its routing key. ``attributes`` are what ``event`` is told of it.
    """

    __slots__ = ("_record",)

    def __init__(
        self,
        payload: Any,
        *,
        id: str | None = None,
        key: Key = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        # The same checks, with the same words.
        self._record = Record("", payload_of(payload), key=key, id=id, attributes=attributes)


class PageBuilder:
    """Takes the events of one fetch, in the order in which they are to be published.

    ``again_after_ms`` is when to fetch again, in milliseconds, instead of after the interval of the pipeline file: 0, at
    once, where there is more.
    """

    def __init__(self) -> None:
        self.again_after_ms: int | None = None
        self._payloads = columns.BlobWriter()
        self._ids = columns.BlobWriter()
        self._keys = columns.BlobWriter()
        self._attributes = columns.PairWriter()
        self._bytes = 0
        self._count = 0

    def __len__(self) -> int:
        """Events so far."""
        return self._count

    @property
    def bytes(self) -> int:
        """Bytes of payloads so far."""
        return self._bytes

    def push(self, event: PolledEvent) -> None:
        """One more event."""
        place, record = self._count, event._record
        payload: Bytes = record._payload  # type: ignore[assignment]  # it forwards nothing
        self._payloads.push(payload)
        if record._id:
            self._ids.set(place, record._id)
        if record._key:
            self._keys.set(place, record._key)
        if record._attributes:
            self._attributes.set(place, record._attributes)
        self._bytes += len(payload)
        self._count += 1

    def finish(self) -> Page:
        n, after = self._count, self.again_after_ms
        return Page(
            payloads=self._payloads.finish(),
            ids=self._ids.finish(n),
            keys=self._keys.finish(n),
            attributes=self._attributes.finish(n),
            again_after_ms=None if after is None else min(max(int(after), 0), _U32_MAX),
        )
