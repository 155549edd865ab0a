"""The records of ``danube:connector@0.1.0`` that cross the sandbox, field for field: see ``wit/``.

Inside a component those that the host sends are componentize-py's own classes with the same fields; those that go back
are these. The SDK alone sees either.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


@dataclass
class Blobs:
    ends: list[int] = field(default_factory=list)
    bytes: bytes = b""


@dataclass
class Labels:
    names: list[str] = field(default_factory=list)
    index: list[int] = field(default_factory=list)


@dataclass
class Attributes:
    ends: list[int] = field(default_factory=list)
    names: Blobs = field(default_factory=Blobs)
    values: Blobs = field(default_factory=Blobs)


@dataclass
class Origins:
    ends: list[int] = field(default_factory=list)
    index: list[int] = field(default_factory=list)


@dataclass
class Payloads:
    reuse: list[int] = field(default_factory=list)
    bytes: Blobs = field(default_factory=Blobs)


@dataclass
class Numbers:
    """A column of numbers that the contract does not name."""

    value: list[int]


@dataclass
class NamedColumn:
    name: str
    values: Any


@dataclass
class Rejection:
    origin: int
    kind: int
    message: str


class FailureKind(IntEnum):
    RETRYABLE = 0
    FATAL = 1
    INVALID_DATA = 2
    CONFIGURATION = 3


@dataclass
class Failure:
    kind: FailureKind
    code: int
    message: str
    retry_after_ms: int | None = None


@dataclass
class ComponentConfiguration:
    connector: str
    settings: str


@dataclass
class EventBatch:
    endpoints: Labels = field(default_factory=Labels)
    payloads: Blobs = field(default_factory=Blobs)
    ids: Blobs = field(default_factory=Blobs)
    keys: Blobs = field(default_factory=Blobs)
    content_types: Labels = field(default_factory=Labels)
    received: list[int] = field(default_factory=list)
    attributes: Attributes = field(default_factory=Attributes)
    headers: Attributes = field(default_factory=Attributes)
    extra: list[NamedColumn] = field(default_factory=list)


@dataclass
class Answer:
    origin: int
    status: int
    content_type: str
    body: bytes


@dataclass
class RecordBatch:
    topics: Labels
    payloads: Payloads
    origins: Origins
    ids: Blobs
    keys: Blobs
    attributes: Attributes
    rejected: list[Rejection]
    answers: list[Answer]
    extra: list[NamedColumn] = field(default_factory=list)


@dataclass
class MessageBatch:
    topics: Labels = field(default_factory=Labels)
    payloads: Blobs = field(default_factory=Blobs)
    ids: Blobs = field(default_factory=Blobs)
    keys: Blobs = field(default_factory=Blobs)
    publish_times: list[int] = field(default_factory=list)
    producers: Labels = field(default_factory=Labels)
    schemas: Labels = field(default_factory=Labels)
    attributes: Attributes = field(default_factory=Attributes)
    extra: list[NamedColumn] = field(default_factory=list)


@dataclass
class WriteBatch:
    targets: Labels
    payloads: Payloads
    origins: Origins
    ids: Blobs
    operations: bytes
    orders: list[int]
    rejected: list[Rejection]
    extra: list[NamedColumn] = field(default_factory=list)


@dataclass
class Room:
    events: int
    bytes: int


@dataclass
class Page:
    payloads: Blobs
    ids: Blobs
    keys: Blobs
    attributes: Attributes
    again_after_ms: int | None = None
    extra: list[NamedColumn] = field(default_factory=list)
