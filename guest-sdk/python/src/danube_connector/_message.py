"""Messages as the host sent them: views of the batch's columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from . import _columns as columns
from ._config import TopicMapping
from ._contract import MessageBatch
from ._errors import InvalidData
from ._json import loads, text_of
from ._write import Operation, Write

Bytes = bytes  # `bytes` is a property below

COLUMNS = ("ids", "keys", "attributes", "publish-times", "producers", "schemas", "orders")
"""What a sink can want."""

_CHANGES = ("read", "insert", "update", "delete", "truncate", "message")


class SchemaInfo(NamedTuple):
    """The schema that a message was published with."""

    subject: str
    version: int
    """0 if the broker does not know it."""


class Change(NamedTuple):
    """A change of a row, as sources such as ``postgres`` and ``kafka`` say it in a record's attributes."""

    kind: str
    """``read``, ``insert``, ``update``, ``delete``, ``truncate`` or ``message``."""
    unchanged: list[str]
    """Fields that the payload lacks because the source was not told their values. They are as they were."""
    is_key_changed: bool
    """The row has a new key: the one of the old key was deleted by the record before this one."""


class Message:
    """One message. What is not in the connector's ``wants`` is empty."""

    __slots__ = ("_at", "_batch", "_mappings")

    def __init__(self, batch: MessageBatch, at: int, mappings: Mapping[str, TopicMapping]) -> None:
        self._batch = batch
        self._at = at
        self._mappings = mappings

    @property
    def topic(self) -> str:
        """The topic, without its partition."""
        return columns.label(self._batch.topics, self._at)

    @property
    def mapping(self) -> TopicMapping:
        """The mapping of its topic in the pipeline file."""
        return self._mappings.get(self.topic) or TopicMapping(self.topic, "")

    @property
    def table(self) -> str:
        """The table of its topic's mapping; empty if it names none."""
        return self.mapping.table

    @property
    def bytes(self) -> Bytes:
        """What was published."""
        return columns.blob(self._batch.payloads, self._at)

    def text(self) -> str:
        """What was published, as text. InvalidData if it is not UTF-8."""
        return text_of(self.bytes, "the payload is")

    def json(self) -> Any:
        """What was published, as JSON. InvalidData if it is not."""
        return loads(self.bytes)

    @property
    def id(self) -> str:
        """The record's id, the same at every delivery."""
        return columns.text(self._batch.ids, self._at)

    @property
    def key(self) -> Bytes | None:
        """Its routing key."""
        return columns.blob(self._batch.keys, self._at) or None

    @property
    def published_ms(self) -> int:
        """When it was published, in milliseconds since 1970-01-01 UTC."""
        times = self._batch.publish_times
        return times[self._at] if self._at < len(times) else 0

    @property
    def order(self) -> int:
        """Its place among all records of this pipeline, whatever partition it came through: a record that was published
        later has a higher number, a redelivery the same."""
        orders = columns.numbers(self._batch.extra, "orders")
        return orders[self._at] if self._at < len(orders) else self.published_ms

    @property
    def producer(self) -> str:
        """Who published it."""
        return columns.label(self._batch.producers, self._at)

    @property
    def schema(self) -> SchemaInfo | None:
        """The schema it was published with."""
        text = columns.label(self._batch.schemas, self._at)
        if not text:
            return None
        subject, at, version = text.rpartition("@")
        return SchemaInfo(subject, int(version)) if at and version.isdecimal() else SchemaInfo(text, 0)

    @property
    def attributes(self) -> dict[str, str]:
        """Its attributes; of several with one name the first."""
        return columns.first_of_each(self._batch.attributes, self._at)

    def attribute(self, name: str) -> str | None:
        """The attribute of this name."""
        return self.attributes.get(name)

    def change(self) -> Change | None:
        """The change of a row that it is; None of plain data. Wants ``attributes``. InvalidData if it is a change of a
        kind that nobody knows."""
        attributes = self.attributes
        kind = attributes.get("change.op")
        if kind is None:
            return None
        if kind not in _CHANGES:
            raise InvalidData(f"the attribute `change.op` is `{kind}`, which is no change")
        unchanged = [field for field in attributes.get("change.unchanged", "").split(",") if field]
        return Change(kind, unchanged, attributes.get("change.key-changed") == "true")

    def forward(
        self,
        target: str | None = None,
        *,
        operation: Operation = "insert",
        id: str | None = None,
        order: int = 0,
    ) -> Write:
        """A write of the message's own payload, unchanged: it does not cross the sandbox again. To its mapping's table
        unless another is given."""
        return Write(self.table if target is None else target, operation, self._at, id, order)


class Messages:
    """A batch of messages. Those of one key are in the order of their publication, on subscriptions that keep order."""

    __slots__ = ("_batch", "_mappings")

    def __init__(self, batch: MessageBatch, mappings: Mapping[str, TopicMapping]) -> None:
        self._batch = batch
        self._mappings = mappings

    def __len__(self) -> int:
        return len(self._batch.payloads.ends)

    def __iter__(self) -> Iterator[Message]:
        return (Message(self._batch, at, self._mappings) for at in range(len(self)))
