"""Write connectors for the Danube message broker as sandboxed WASI components.

A **source** turns events from the outside world into records for topics; a **sink** turns messages from topics into writes
to a target. The host, ``danube-wasm``, owns every socket, retry, batch and acknowledgement; a connector is the part that
knows the data.
"""

from . import log, metrics, state
from ._builders import RecordBuilder, WriteBuilder
from ._config import ConsumerConfig, Endpoint, ProducerConfig, SubscriptionType, TopicMapping
from ._connector import polling_source, sink, source
from ._errors import Configuration, ConnectorError, Fatal, InvalidData, Retryable, Unsupported
from ._event import Event, Events
from ._message import Change, Message, Messages, SchemaInfo
from ._poll import PageBuilder, PolledEvent, Room
from ._record import Key, Record, Reply
from ._write import Operation, Write

__all__ = [
    "Change",
    "Configuration",
    "ConnectorError",
    "ConsumerConfig",
    "Endpoint",
    "Event",
    "Events",
    "Fatal",
    "InvalidData",
    "Key",
    "Message",
    "Messages",
    "Operation",
    "PageBuilder",
    "PolledEvent",
    "ProducerConfig",
    "Record",
    "RecordBuilder",
    "Reply",
    "Retryable",
    "Room",
    "SchemaInfo",
    "SubscriptionType",
    "TopicMapping",
    "Unsupported",
    "Write",
    "WriteBuilder",
    "log",
    "metrics",
    "polling_source",
    "sink",
    "source",
    "state",
]
