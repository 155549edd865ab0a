"""From an author's class to the functions of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from . import _config, _event, _message, _uncaught, log
from ._builders import RecordBuilder, WriteBuilder
from ._config import ConsumerConfig, ProducerConfig
from ._contract import EventBatch, Failure, FailureKind, MessageBatch, Page, RecordBatch, WriteBatch
from ._errors import Configuration, ConnectorError, Fatal, InvalidData, Retryable
from ._event import Event, Events
from ._host import crossing
from ._message import Message, Messages
from ._poll import PageBuilder, Room
from ._record import Record, Reply
from ._settings import check_type, settings_of
from ._write import Write

C = TypeVar("C", bound=type)

decorated: dict[str, list[type]] = {"source": [], "poller": [], "sink": []}
"""Classes that were decorated, by kind."""


def source(cls: C) -> C:
    """Makes a class a source.

    It has ``event(self, event)``, which returns or yields what one event becomes: a :class:`Record`, several, a
    :class:`Reply`, or nothing. Or, to see a whole batch at once, ``poll(self, events, records)`` with a
    :class:`RecordBuilder`. It may have

    * ``Settings``, a dataclass: the table ``config`` of the pipeline file, checked before the connector starts,
    * ``wants``, a list of the columns that it reads beside payload and endpoint; all of them unless given,
    * ``__init__(self, settings, endpoints)``; both are attributes of the instance, too,
    * ``producer_configs(self)``: the topics it publishes to; those of its endpoints unless given.
    """
    return _decorate(cls, "source", ("event", "poll"), _event.COLUMNS)


def polling_source(cls: C) -> C:
    """Makes a class a source that asks for its events itself, configured as ``[sources.poll]``.

    It has ``fetch(self, room, page)``, with a :class:`Room` and a :class:`PageBuilder`, which fetches the next events, after
    those that :mod:`state <danube_connector.state>` says the calls before have fetched. An error that may pass is tried again
    after a wait; whatever that call changed of the state is forgotten.

    What was fetched comes to ``event``, perhaps in another instance. Without ``event`` each becomes a record of its own, with
    its key, for the topic of the pipeline file. Everything else is as of a :func:`source`.
    """
    if not callable(getattr(cls, "fetch", None)):
        raise TypeError(f"the polling source {cls.__name__} has no method `fetch`: write `fetch(self, room, page)`")
    if not any(callable(getattr(cls, method, None)) for method in ("event", "poll")):
        members: Any = cls
        members.event, members.wants = _forwarded, ["keys"]
    return _decorate(cls, "poller", ("event", "poll"), _event.COLUMNS)


def _forwarded(_: Any, event: Event) -> Record:
    return event.forward(key=event.key)


def sink(cls: C) -> C:
    """Makes a class a sink.

    It has ``message(self, message)``, which returns or yields what one message becomes: a :class:`Write`, several, or
    nothing. Or, to see a whole batch at once, ``process_batch(self, messages, writes)`` with a :class:`WriteBuilder`. It may
    have ``Settings`` and ``wants`` as a source has, and

    * ``__init__(self, settings, mappings)``; both are attributes of the instance, too,
    * ``consumer_configs(self)``: the topics it consumes; those of its mappings unless given.
    """
    return _decorate(cls, "sink", ("message", "process_batch"), _message.COLUMNS)


def _decorate(cls: C, kind: str, methods: tuple[str, str], columns: tuple[str, ...]) -> C:
    if not any(callable(getattr(cls, method, None)) for method in methods):
        raise TypeError(f"the {kind} {cls.__name__} has no method `{methods[0]}`: write one, or `{methods[1]}` for batches")
    unknown = [want for want in _wants(cls, columns) if want not in columns]
    if unknown:
        raise TypeError(f"{cls.__name__}.wants: unknown columns {unknown}; a {kind} can want {list(columns)}")
    settings = getattr(cls, "Settings", None)
    if settings is not None:
        check_type(settings)
    decorated[kind].append(cls)
    return cls


def _wants(cls: type, columns: tuple[str, ...]) -> list[str]:
    return [want.replace("_", "-") for want in getattr(cls, "wants", columns)]


def failure_of(error: BaseException) -> Failure:
    """A failed call as the host is told it. One that nobody meant is logged."""
    if isinstance(error, ConnectorError):
        kinds = {Retryable: FailureKind.RETRYABLE, Fatal: FailureKind.FATAL, Configuration: FailureKind.CONFIGURATION}
        kind = next((kind for class_, kind in kinds.items() if isinstance(error, class_)), FailureKind.INVALID_DATA)
        after_ms = error.after_ms if isinstance(error, Retryable) else None
        if after_ms is not None:
            after_ms = min(max(int(after_ms), 0), 0xFFFF_FFFF)
        return Failure(kind, error.code, crossing(error.message), after_ms)
    log.error("%s", _uncaught.trace(error))
    return Failure(FailureKind.INVALID_DATA, 0, crossing(_uncaught.told(error)))


def refusal_of(error: BaseException) -> str | InvalidData:
    """Why one input is refused; raised on if it concerns more than that input."""
    if isinstance(error, InvalidData):
        return error
    if isinstance(error, (ConnectorError, MemoryError, KeyboardInterrupt)):
        raise error
    log.error("%s", _uncaught.trace(error))
    return _uncaught.told(error)


def _make(cls: type, settings: dict[str, Any], ways: str, listed: list[Any]) -> Any:
    own = settings_of(getattr(cls, "Settings", None), settings.get("config"))
    connector: Any = object.__new__(cls)
    connector.settings = own
    setattr(connector, ways, listed)
    if cls.__init__ is not object.__init__:  # type: ignore[misc]
        connector.__init__(own, listed)
    return connector


def _start(connector: str, cls: type, make: Any) -> Any:
    """Makes a connector; whatever goes wrong with it is its configuration's fault, told with the connector's name."""
    log.take_stdlib()
    try:
        return make()
    except ConnectorError as error:
        if isinstance(error, Configuration):
            raise Configuration(f"the settings of `{connector}`: {error.message}", code=error.code) from error
        raise
    except Exception as error:
        log.error("%s", _uncaught.trace(error))
        raise Configuration(f"`{connector}` ({cls.__name__}) does not start: {_uncaught.told(error)}") from error


def _each(made: Any, kinds: tuple[type, ...], method: str) -> Iterator[Any]:
    """What a method returned or yields, one by one."""
    if made is None:
        return
    if isinstance(made, kinds):
        yield made
        return
    if not isinstance(made, Iterable) or isinstance(made, (str, bytes, dict)):
        raise TypeError(f"`{method}` returned a {type(made).__name__}, not {' or '.join(kind.__name__ for kind in kinds)}")
    for one in made:
        if one is None:
            continue
        if not isinstance(one, kinds):
            raise TypeError(f"`{method}` yielded a {type(one).__name__}, not {' or '.join(kind.__name__ for kind in kinds)}")
        yield one


class SourceSlot:
    """A source in the contract's terms."""

    def __init__(self, cls: type, connector: str, settings: str) -> None:
        def make() -> Any:
            parsed = _config.parse(settings)
            endpoints = _config.endpoints_of(parsed)
            self.endpoints = {endpoint.path: endpoint for endpoint in endpoints}
            return _make(cls, parsed, "endpoints", endpoints)

        self.connector = _start(connector, cls, make)
        self.wants = _wants(cls, _event.COLUMNS)
        self.is_batched = callable(getattr(cls, "poll", None))

    def producer_configs(self) -> list[ProducerConfig]:
        own = getattr(self.connector, "producer_configs", None)
        return list(own()) if own else _config.producer_configs_of(self.endpoints.values())

    def poll(self, batch: EventBatch) -> RecordBatch:
        events, records = Events(batch, self.endpoints), RecordBuilder()
        if self.is_batched:
            self.connector.poll(events, records)
        else:
            for event in events:
                self._one(event, records)
        return records.finish(len(events))

    def fetch(self, room: Room) -> Page:
        page = PageBuilder()
        self.connector.fetch(room, page)
        return page.finish()

    def _one(self, event: Event, records: RecordBuilder) -> None:
        try:
            made = list(_each(self.connector.event(event), (Record, Reply), "event"))
        except BaseException as error:
            records.reject(event, refusal_of(error))
            return
        for one in made:
            if isinstance(one, Record):
                records.push(event, one)
            else:
                records.reply(event, one)


class SinkSlot:
    """A sink in the contract's terms."""

    def __init__(self, cls: type, connector: str, settings: str) -> None:
        def make() -> Any:
            parsed = _config.parse(settings)
            mappings = _config.mappings_of(parsed)
            self.configs = _config.consumer_configs_of(mappings)
            self.mappings = {mapping.topic: mapping for mapping in mappings}
            return _make(cls, parsed, "mappings", mappings)

        self.connector = _start(connector, cls, make)
        self.wants = _wants(cls, _message.COLUMNS)
        self.is_batched = callable(getattr(cls, "process_batch", None))

    def consumer_configs(self) -> list[ConsumerConfig]:
        own = getattr(self.connector, "consumer_configs", None)
        return list(own()) if own else self.configs

    def process_batch(self, batch: MessageBatch) -> WriteBatch:
        messages, writes = Messages(batch, self.mappings), WriteBuilder()
        if self.is_batched:
            self.connector.process_batch(messages, writes)
        else:
            for message in messages:
                self._one(message, writes)
        return writes.finish(len(messages))

    def _one(self, message: Message, writes: WriteBuilder) -> None:
        try:
            made = list(_each(self.connector.message(message), (Write,), "message"))
        except BaseException as error:
            writes.reject(message, refusal_of(error))
            return
        for one in made:
            writes.push(message, one)
