"""What the host calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from danube_connector import PageBuilder, PolledEvent, Retryable, Room, _connector, exports, polling_source, sink, source
from danube_connector._contract import ComponentConfiguration, EventBatch, FailureKind
from danube_connector._host import Err


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """As in a component of its own."""
    before = {kind: list(classes) for kind, classes in _connector.decorated.items()}
    for classes in _connector.decorated.values():
        classes.clear()
    exports._slot = None
    yield
    exports._slot = None
    _connector.decorated.update(before)


def test_each_function_has_an_object_and_all_one_connector() -> None:
    @source
    class Busy:
        wants = ["ids"]

        def event(self, event: object) -> None: ...

        def poll(self, events: object, records: object) -> None:
            raise Retryable("later", after_ms=50)

    component: Any = exports.component("source", "app")
    settings = '{"endpoints": [{"path": "/a", "danube_topic": "/n/t"}]}'
    assert component().initialize(ComponentConfiguration("busy", settings)) == ["ids"]
    assert component().producer_configs()[0].topic == "/n/t"
    with pytest.raises(Err) as failed:
        component().poll(EventBatch())
    failure = failed.value.value
    assert (failure.kind, failure.message, failure.retry_after_ms) == (FailureKind.RETRYABLE, "later", 50)
    with pytest.raises(Err) as failed:
        component().initialize(ComponentConfiguration("busy", settings))
    assert failed.value.value.message == "`initialize` was called twice on one instance"


def test_a_poller_has_two_interfaces_and_one_connector() -> None:
    @polling_source
    class Ticks:
        def fetch(self, room: Room, page: PageBuilder) -> None:
            if not room.bytes:
                raise RuntimeError("boom")
            page.push(PolledEvent(room.events, id="a"))

    component: Any = exports.component("poller", "app")
    settings = '{"endpoints": [{"path": "poll", "danube_topic": "/n/t"}]}'
    assert component().initialize(ComponentConfiguration("ticks", settings)) == ["keys"]
    page = exports.DanubeConnectorPoller010().fetch(Room(7, 1))
    assert (page.payloads.bytes, page.ids.bytes, page.again_after_ms) == (b"7", b"a", None)
    with pytest.raises(Err) as failed:
        exports.DanubeConnectorPoller010().fetch(Room(7, 0))
    failure = failed.value.value
    assert failure.kind == FailureKind.INVALID_DATA and failure.message.startswith("RuntimeError: boom (")
    with pytest.raises(TypeError, match='app: Ticks is a poller, and connector.toml says kind = "source"'):
        exports.component("source", "app")


def test_a_call_before_initialize_is_fatal() -> None:
    @sink
    class Rows:
        def message(self, message: object) -> None: ...

    component: Any = exports.component("sink", "app")
    with pytest.raises(Err) as failed:
        component().consumer_configs()
    assert failed.value.value.kind == FailureKind.FATAL


def test_settings_that_do_not_fit_are_the_configurations_failure() -> None:
    @source
    class Plain:
        def event(self, event: object) -> None: ...

    component: Any = exports.component("source", "app")
    for settings in ("{", "[]", '{"endpoints": 1}', '{"endpoints": [{"path": 1}]}', '{"config": {"x": 1}}', '{"config": 1}'):
        with pytest.raises(Err) as failed:
            component().initialize(ComponentConfiguration("orders", settings))
        assert failed.value.value.kind == FailureKind.CONFIGURATION
        assert "`orders`" in failed.value.value.message


def test_a_module_has_one_connector_of_its_kind() -> None:
    with pytest.raises(TypeError, match=r"one class with @source is the connector, and there are 0 \(none\)"):
        exports.component("source", "app")

    @sink
    class Rows:
        def message(self, message: object) -> None: ...

    with pytest.raises(TypeError, match='app: Rows is a sink, and connector.toml says kind = "source"'):
        exports.component("source", "app")


def test_the_package_carries_the_contract() -> None:
    package, repository = Path(exports.__file__).parent / "wit", Path(__file__).parents[3] / "wit"
    wit = {file.name: file.read_text() for file in repository.glob("*.wit")}
    assert wit and {file.name: file.read_text() for file in package.glob("*.wit")} == wit


def test_the_package_carries_what_a_client_uses_of_wasi() -> None:
    package, sdks = Path(exports.__file__).parent / "wit/deps", Path(__file__).parents[2] / "wasi"
    wit = {str(file.relative_to(sdks)): file.read_text() for file in sdks.rglob("*.wit")}
    assert wit and {str(file.relative_to(package)): file.read_text() for file in package.rglob("*.wit")} == wit
