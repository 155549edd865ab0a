"""Events as the host sent them: views of the batch's columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import _columns as columns
from ._config import Endpoint
from ._contract import EventBatch
from ._json import loads, text_of
from ._record import Key, Record

Bytes = bytes  # `bytes` is a property below

COLUMNS = ("ids", "keys", "attributes", "headers", "content-types", "received")
"""What a source can want."""


class Event:
    """One event. What is not in the connector's ``wants`` is empty."""

    __slots__ = ("_at", "_batch", "_endpoints")

    def __init__(self, batch: EventBatch, at: int, endpoints: Mapping[str, Endpoint]) -> None:
        self._batch = batch
        self._at = at
        self._endpoints = endpoints

    @property
    def endpoint(self) -> str:
        """The endpoint it came through; for HTTP, its path as configured."""
        return columns.label(self._batch.endpoints, self._at)

    @property
    def topic(self) -> str:
        """The topic of its endpoint, ``danube_topic`` in the pipeline file; empty if the endpoint has none."""
        endpoint = self._endpoints.get(self.endpoint)
        return endpoint.danube_topic if endpoint else ""

    @property
    def bytes(self) -> Bytes:
        """What was sent."""
        return columns.blob(self._batch.payloads, self._at)

    def text(self) -> str:
        """What was sent, as text. InvalidData if it is not UTF-8."""
        return text_of(self.bytes, "the body is")

    def json(self) -> Any:
        """What was sent, as JSON. InvalidData if it is not."""
        return loads(self.bytes)

    @property
    def id(self) -> str:
        """Its id: the sender's where the endpoint says where to find it, else minted by the host."""
        return columns.text(self._batch.ids, self._at)

    @property
    def key(self) -> Bytes | None:
        """The key that the transport gave."""
        return columns.blob(self._batch.keys, self._at) or None

    @property
    def content_type(self) -> str:
        """The media type that the sender claimed, such as ``application/json``; empty if none."""
        return columns.label(self._batch.content_types, self._at)

    @property
    def received_ms(self) -> int:
        """When it arrived, in milliseconds since 1970-01-01 UTC."""
        received = self._batch.received
        return received[self._at] if self._at < len(received) else 0

    @property
    def attributes(self) -> dict[str, str]:
        """What the transport knows: for HTTP ``method``, ``path``, ``query``, ``client-ip``."""
        return columns.first_of_each(self._batch.attributes, self._at)

    @property
    def headers(self) -> dict[str, str]:
        """Headers that the sender set, names in lower case, of several with one name the first. Those that carry
        credentials are not given."""
        return columns.first_of_each(self._batch.headers, self._at)

    def header(self, name: str) -> str | None:
        """A header by its name in lower case."""
        return self.headers.get(name)

    def forward(
        self,
        topic: str | None = None,
        *,
        key: Key = None,
        id: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> Record:
        """A record with the event's own payload, unchanged: it does not cross the sandbox again. To its endpoint's topic
        unless another is given."""
        return Record._forward(self.topic if topic is None else topic, self._at, key, id, attributes)


class Events:
    """A batch of events, in the order of their arrival."""

    __slots__ = ("_batch", "_endpoints")

    def __init__(self, batch: EventBatch, endpoints: Mapping[str, Endpoint]) -> None:
        self._batch = batch
        self._endpoints = endpoints

    def __len__(self) -> int:
        return len(self._batch.payloads.ends)

    def __iter__(self) -> Iterator[Event]:
        return (Event(self._batch, at, self._endpoints) for at in range(len(self)))
