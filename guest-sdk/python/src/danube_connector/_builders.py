"""Outputs on their way back to the host, for connectors that see whole batches."""

from __future__ import annotations

from collections.abc import Iterable

from . import _columns as columns
from ._contract import Answer, RecordBatch, Rejection, WriteBatch
from ._errors import Fatal, InvalidData, Unsupported
from ._event import Event
from ._host import crossing
from ._message import Message
from ._record import Record, Reply
from ._write import OPERATIONS, Write


def _rejection(at: int, why: str | InvalidData) -> Rejection:
    message = why if isinstance(why, str) else why.message
    return Rejection(at, int(isinstance(why, Unsupported)), crossing(message))


def _places(inputs: Iterable[Event] | Iterable[Message], what: str) -> tuple[int, ...]:
    places = tuple(one._at for one in inputs)
    if not places:
        raise Fatal(f"a {what} was made from nothing: name the inputs it came from")
    return places


class RecordBuilder:
    """Takes the records of a batch, each with the events that it came from."""

    def __init__(self) -> None:
        self._topics = columns.LabelWriter()
        self._payloads = columns.PayloadWriter()
        self._origins = columns.OriginWriter()
        self._ids = columns.BlobWriter()
        self._keys = columns.BlobWriter()
        self._attributes = columns.PairWriter()
        self._rejected: list[Rejection] = []
        self._answers: dict[int, Answer] = {}

    def push(self, events: Event | Iterable[Event], record: Record) -> None:
        """A record that came from this event, or from these, at least one."""
        places = (events._at,) if isinstance(events, Event) else _places(events, "record")
        place = len(self._topics.index)
        self._topics.push(crossing(record.topic))
        self._payloads.push(record._payload)
        self._origins.push(places)
        if record._id:
            self._ids.set(place, record._id)
        if record._key:
            self._keys.set(place, record._key)
        if record._attributes:
            self._attributes.set(place, record._attributes)

    def reject(self, event: Event, why: str | InvalidData) -> None:
        """Refuses an event. The reason is for whoever sent it. Records that came from it are dropped."""
        self._answers.pop(event._at, None)
        self._rejected.append(_rejection(event._at, why))

    def reply(self, event: Event, reply: Reply) -> None:
        """Answers the caller that waits for this event. An earlier answer to it is forgotten."""
        self._answers[event._at] = Answer(event._at, reply.status, reply.content_type, reply.body)

    def finish(self, events: int) -> RecordBatch:
        n = len(self._topics.index)
        return RecordBatch(
            topics=self._topics.finish(),
            payloads=self._payloads.finish(),
            origins=self._origins.finish(events),
            ids=self._ids.finish(n),
            keys=self._keys.finish(n),
            attributes=self._attributes.finish(n),
            rejected=self._rejected,
            answers=[self._answers[at] for at in sorted(self._answers)],
        )


class WriteBuilder:
    """Takes the writes of a batch, each with the messages that it came from. A message is acknowledged when the last of its
    writes is done; one without a write is acknowledged at once."""

    def __init__(self) -> None:
        self._targets = columns.LabelWriter()
        self._payloads = columns.PayloadWriter()
        self._origins = columns.OriginWriter()
        self._ids = columns.BlobWriter()
        self._operations = bytearray()
        self._orders: list[int] = []
        self._rejected: list[Rejection] = []

    def push(self, messages: Message | Iterable[Message], write: Write) -> None:
        """A write that came from this message, or from these, at least one."""
        places = (messages._at,) if isinstance(messages, Message) else _places(messages, "write")
        place = len(self._targets.index)
        self._targets.push(crossing(write.target))
        self._payloads.push(write._payload)
        self._origins.push(places)
        if write._id:
            self._ids.set(place, write._id)
        self._operations.append(OPERATIONS.index(write.operation))
        self._orders.append(write.order)

    def reject(self, message: Message, why: str | InvalidData) -> None:
        """Refuses a message: it goes to the dead-letter topic with this reason. Writes that came from it are dropped."""
        self._rejected.append(_rejection(message._at, why))

    def finish(self, messages: int) -> WriteBatch:
        n = len(self._targets.index)
        return WriteBatch(
            targets=self._targets.finish(),
            payloads=self._payloads.finish(),
            origins=self._origins.finish(messages),
            ids=self._ids.finish(n),
            operations=bytes(self._operations) if any(self._operations) else b"",
            orders=self._orders if any(self._orders) else [],
            rejected=self._rejected,
        )
