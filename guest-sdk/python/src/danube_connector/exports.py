"""What the component exports. ``danube-wasm build`` makes its entry module of this and the connector's own module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from . import _connector
from ._connector import SinkSlot, SourceSlot, failure_of
from ._contract import ComponentConfiguration, EventBatch, MessageBatch, Page, RecordBatch, WriteBatch
from ._errors import Fatal
from ._host import Err
from ._poll import Room

T = TypeVar("T")

# An instance has one connector, and each exported function an object of its own.
_slot: Any = None
_class: type | None = None


def component(kind: str, entry: str) -> type:
    """The class that exports the connector of module ``entry``: the one class there that is decorated with ``kind``."""
    global _class
    classes = _connector.decorated[kind]
    others = [(other, class_) for other, found in _connector.decorated.items() for class_ in found]
    if not classes and others:
        other, class_ = others[0]
        raise TypeError(f'{entry}: {class_.__name__} is a {other}, and connector.toml says kind = "{kind}": change one of them')
    if len(classes) != 1:
        names = ", ".join(class_.__name__ for class_ in classes) or "none"
        decorator = "polling_source" if kind == "poller" else kind
        raise TypeError(f"{entry}: one class with @{decorator} is the connector, and there are {len(classes)} ({names})")
    _class = classes[0]
    return DanubeConnectorSink010 if kind == "sink" else DanubeConnectorSource010


def _called(call: Callable[[], T]) -> T:
    """A call of the host's, in whose terms every error is told."""
    try:
        return call()
    except (MemoryError, KeyboardInterrupt):
        raise
    except BaseException as error:
        failure = failure_of(error)
    raise Err(failure)


def _made() -> Any:
    if _slot is None:
        raise Fatal("`initialize` has not been called")
    return _slot


def _initialize(slot: Any, config: ComponentConfiguration) -> list[str]:
    global _slot
    if _slot is not None:
        raise Fatal("`initialize` was called twice on one instance")
    made = slot(_class, config.connector, config.settings)
    _slot = made
    wants: list[str] = made.wants
    return wants


class DanubeConnectorSource010:
    """The interface ``source``."""

    def initialize(self, config: ComponentConfiguration) -> list[str]:
        return _called(lambda: _initialize(SourceSlot, config))

    def producer_configs(self) -> list[Any]:
        return _called(lambda: _made().producer_configs())

    def poll(self, events: EventBatch) -> RecordBatch:
        made: RecordBatch = _called(lambda: _made().poll(events))
        return made


class DanubeConnectorPoller010:
    """The interface ``poller``. Its connector is the source's."""

    def fetch(self, room: Any) -> Page:
        page: Page = _called(lambda: _made().fetch(Room(room.events, room.bytes)))
        return page


class DanubeConnectorSink010:
    """The interface ``sink``."""

    def initialize(self, config: ComponentConfiguration) -> list[str]:
        return _called(lambda: _initialize(SinkSlot, config))

    def consumer_configs(self) -> list[Any]:
        return _called(lambda: _made().consumer_configs())

    def process_batch(self, messages: MessageBatch) -> WriteBatch:
        made: WriteBatch = _called(lambda: _made().process_batch(messages))
        return made
