"""Runs a connector in an ordinary test, without a component, through the same columns as the host.

An input is laid out as the host would lay it out (what the connector does not want is left out), and what comes back is
read as the host would read it::

    def test_an_order_becomes_its_lines() -> None:
        harness = SourceHarness(OrderLines, endpoints={"/orders": "/shop/lines"})
        polled = harness.poll(Incoming("/orders", {"id": "o-1", "lines": [1]}), Incoming("/orders", b"{"))
        assert polled.records[0].json() == 1
        assert polled.refused[0].message.startswith("not JSON")

Requests are answered by a function of the test, and a poller's state goes in and comes out::

    def test_a_page_leads_to_the_next() -> None:
        harness = SourceHarness(Orders, topic="/shop/orders", state={"after": b"7"}, http=api)
        page = harness.fetch()
        assert [event.id for event in page.events] == ["8", "9"]
        assert harness.state == {"after": b"9"}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import _columns as columns
from . import _host
from ._config import ConsumerConfig, ProducerConfig
from ._connector import SinkSlot, SourceSlot
from ._contract import EventBatch, MessageBatch, NamedColumn, Numbers, Origins, Payloads, Rejection
from ._json import payload_of
from ._poll import Room
from ._write import OPERATIONS
from .http import HttpError, Request, Response

Http = Callable[[Request], Response] | Mapping[str, Response]
"""What answers a connector's requests: a function, which may raise HttpError, or answers by URL."""


@dataclass
class Incoming:
    """An event to give to a source. ``payload`` is bytes, or anything that is JSON."""

    endpoint: str
    payload: Any
    id: str = ""
    key: bytes = b""
    content_type: str = ""
    received_ms: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Delivered:
    """A message to give to a sink. ``payload`` is bytes, or anything that is JSON."""

    topic: str
    payload: Any
    id: str = ""
    key: bytes = b""
    published_ms: int = 0
    producer: str = ""
    schema: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    order: int = 0


@dataclass
class Refused:
    """An input that the connector refused."""

    origin: int
    message: str
    unsupported: bool = False


@dataclass
class Published:
    """A record that a source published."""

    topic: str
    payload: bytes
    origins: list[int]
    id: str | None
    key: str | None
    attributes: dict[str, str]
    forwarded: bool
    """Whether the payload is an event's own, which did not cross the sandbox again."""

    def json(self) -> Any:
        """The payload as JSON."""
        return json.loads(self.payload)


@dataclass
class Answered:
    """An answer for a waiting caller."""

    origin: int
    status: int
    content_type: str
    body: bytes


@dataclass
class Written:
    """A write that a sink made."""

    target: str
    operation: str
    id: str | None
    order: int
    payload: bytes
    origins: list[int]
    forwarded: bool
    """Whether the document is a message's own payload, which did not cross the sandbox again."""

    def json(self) -> Any:
        """The document as JSON; None of a delete."""
        return json.loads(self.payload) if self.payload else None


@dataclass
class Polled:
    """What a batch of events became."""

    records: list[Published]
    refused: list[Refused]
    answers: list[Answered]


@dataclass
class FetchedEvent:
    """An event that a poller fetched."""

    payload: bytes
    id: str | None
    """None where the host makes it."""
    key: str | None
    attributes: dict[str, str]

    def json(self) -> Any:
        """The payload as JSON."""
        return json.loads(self.payload)


@dataclass
class FetchedPage:
    """What a fetch gave."""

    events: list[FetchedEvent]
    again_after_ms: int | None
    """When to fetch again; None for the interval of the pipeline file."""


@dataclass
class Processed:
    """What a batch of messages became."""

    writes: list[Written]
    refused: list[Refused]


_POLL = "poll"
"""The endpoint of a source that fetches."""


class _Harness:
    """What the connector logged, counted and asked for since the harness was made."""

    def __init__(self, http: Http | None) -> None:
        self._record = _host.record_anew()
        self.requests: list[Request] = []
        """What was asked, each redirect that was followed, too."""
        if http is not None:
            self._record.answer = self._answerer(http)

    def _answerer(self, http: Http) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            self.requests.append(request)
            if callable(http):
                return http(request)
            if request.url not in http:
                raise HttpError(f"`{request.url}` is not granted in this test")
            return http[request.url]

        return answer

    @property
    def logs(self) -> list[tuple[str, str]]:
        """Levels and lines."""
        return self._record.logs

    @property
    def metrics(self) -> dict[str, float]:
        """Counters and gauges by name."""
        return {**self._record.counters, **self._record.gauges}

    @property
    def observations(self) -> dict[str, list[float]]:
        """Observations by the histogram's name."""
        return self._record.observations


class SourceHarness(_Harness):
    """A source, ready to be called. ``endpoints`` are paths with their topics, or whole tables as in the pipeline file;
    ``settings`` is its table ``config``, ``http`` what answers its requests. A poller has a ``topic`` instead of endpoints, and
    ``state``."""

    def __init__(
        self,
        connector: type,
        *,
        endpoints: Mapping[str, str] | Sequence[Mapping[str, Any]] = (),
        topic: str | None = None,
        settings: Mapping[str, Any] | None = None,
        http: Http | None = None,
        state: Mapping[str, bytes] | None = None,
    ) -> None:
        super().__init__(http)
        if topic is not None:
            endpoints = {_POLL: topic}
        if isinstance(endpoints, Mapping):
            endpoints = [{"path": path, "danube_topic": topic} for path, topic in endpoints.items()]
        given = {"endpoints": list(endpoints), "config": settings}
        self.state = dict(state or {})
        """What a poller remembers: after a fetch, what that made of it."""
        self._slot = SourceSlot(connector, "under-test", json.dumps(given))
        self.connector = self._slot.connector

    def fetch(self, events: int = 100, bytes: int = 1 << 20) -> FetchedPage:
        """Fetches with room for so much. An error that is raised leaves ``state`` as it was."""
        self._record.state = dict(self.state)
        try:
            page = self._slot.fetch(Room(events, bytes))
            self.state = self._record.state
        finally:
            self._record.state = None
        fetched = [
            FetchedEvent(
                payload=columns.blob(page.payloads, at),
                id=columns.text(page.ids, at) or None,
                key=columns.text(page.keys, at) or None,
                attributes=dict(columns.pairs(page.attributes, at)),
            )
            for at in range(len(page.payloads.ends))
        ]
        return FetchedPage(fetched, page.again_after_ms)

    def poll_page(self, page: FetchedPage) -> Polled:
        """Gives it the events of a page, as the host does."""
        return self.poll(
            *(
                Incoming(_POLL, one.payload, id=one.id or "", key=(one.key or "").encode(), attributes=one.attributes)
                for one in page.events
            )
        )

    def producer_configs(self) -> list[ProducerConfig]:
        """The topics it publishes to."""
        return self._slot.producer_configs()

    def poll(self, *events: Incoming) -> Polled:
        """Gives it a batch."""
        payloads = [payload_of(event.payload) for event in events]
        made = self._slot.poll(_event_columns(self._slot.wants, events, payloads))
        carried = _payloads(made.payloads, len(made.topics.index), payloads)
        records = [
            Published(
                topic=columns.label(made.topics, at),
                payload=payload,
                origins=_origins(made.origins, at),
                id=columns.text(made.ids, at) or None,
                key=columns.text(made.keys, at) or None,
                attributes=dict(columns.pairs(made.attributes, at)),
                forwarded=forwarded,
            )
            for at, (payload, forwarded) in enumerate(carried)
        ]
        answers = [Answered(one.origin, one.status, one.content_type, one.body) for one in made.answers]
        return Polled(records, _refused(made.rejected), answers)


class SinkHarness(_Harness):
    """A sink, ready to be called. ``mappings`` are topics with their tables, or whole tables as in the pipeline file;
    ``settings`` is its table ``config``, ``http`` what answers its requests."""

    def __init__(
        self,
        connector: type,
        *,
        mappings: Mapping[str, str] | Sequence[Mapping[str, Any]] = (),
        settings: Mapping[str, Any] | None = None,
        http: Http | None = None,
    ) -> None:
        super().__init__(http)
        if isinstance(mappings, Mapping):
            mappings = [
                {"topic": topic, "subscription": "under-test", "table": table} for topic, table in mappings.items()
            ]
        given = {"topic_mappings": list(mappings), "config": settings}
        self._slot = SinkSlot(connector, "under-test", json.dumps(given))
        self.connector = self._slot.connector

    def consumer_configs(self) -> list[ConsumerConfig]:
        """The topics it consumes."""
        return self._slot.consumer_configs()

    def process_batch(self, *messages: Delivered) -> Processed:
        """Gives it a batch."""
        payloads = [payload_of(message.payload) for message in messages]
        made = self._slot.process_batch(_message_columns(self._slot.wants, messages, payloads))
        carried = _payloads(made.payloads, len(made.targets.index), payloads)
        writes = [
            Written(
                target=columns.label(made.targets, at),
                operation=OPERATIONS[made.operations[at] if made.operations else 0],
                id=columns.text(made.ids, at) or None,
                order=made.orders[at] if made.orders else 0,
                payload=payload,
                origins=_origins(made.origins, at),
                forwarded=forwarded,
            )
            for at, (payload, forwarded) in enumerate(carried)
        ]
        return Processed(writes, _refused(made.rejected))


def _event_columns(wants: list[str], events: Sequence[Incoming], payloads: list[bytes]) -> EventBatch:
    batch = EventBatch(_labels(one.endpoint for one in events), _blobs(payloads))
    if "ids" in wants:
        batch.ids = _blobs(one.id.encode() for one in events)
    if "keys" in wants:
        batch.keys = _blobs(one.key for one in events)
    if "content-types" in wants:
        batch.content_types = _labels(one.content_type for one in events)
    if "received" in wants:
        batch.received = [one.received_ms for one in events]
    if "attributes" in wants:
        batch.attributes = _pairs(one.attributes for one in events)
    if "headers" in wants:
        batch.headers = _pairs(one.headers for one in events)
    return batch


def _message_columns(wants: list[str], messages: Sequence[Delivered], payloads: list[bytes]) -> MessageBatch:
    batch = MessageBatch(_labels(one.topic for one in messages), _blobs(payloads))
    if "ids" in wants:
        batch.ids = _blobs(one.id.encode() for one in messages)
    if "keys" in wants:
        batch.keys = _blobs(one.key for one in messages)
    if "publish-times" in wants:
        batch.publish_times = [one.published_ms for one in messages]
    if "producers" in wants:
        batch.producers = _labels(one.producer for one in messages)
    if "schemas" in wants:
        batch.schemas = _labels(one.schema for one in messages)
    if "attributes" in wants:
        batch.attributes = _pairs(one.attributes for one in messages)
    if "orders" in wants and messages:
        batch.extra.append(NamedColumn("orders", Numbers([one.order for one in messages])))
    return batch


def _labels(values: Any) -> Any:
    writer = columns.LabelWriter()
    for value in values:
        writer.push(value)
    return writer.finish()


def _blobs(values: Any) -> Any:
    writer = columns.BlobWriter()
    for value in values:
        writer.push(value)
    return writer.finish()


def _pairs(sets: Any) -> Any:
    writer = columns.PairWriter()
    for one in sets:
        writer.push((name.encode(), value.encode()) for name, value in one.items())
    return writer.finish()


def _payloads(column: Payloads, n: int, inputs: list[bytes]) -> list[tuple[bytes, bool]]:
    """Each payload, and whether it is an input's own."""
    carried, new = [], 0
    for at in range(n):
        reused = column.reuse[at] if column.reuse else 0
        if reused:
            carried.append((inputs[reused - 1], True))
        else:
            carried.append((columns.blob(column.bytes, new), False))
            new += 1
    return carried


def _origins(column: Origins, at: int) -> list[int]:
    if not column.ends:
        return [at]
    start, end = columns.span(column.ends, at)
    return column.index[start:end]


def _refused(rejected: list[Rejection]) -> list[Refused]:
    return [Refused(one.origin, one.message, one.kind == 1) for one in rejected]
