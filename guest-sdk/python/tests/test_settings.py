"""Settings, endpoints and mappings: what is refused before a connector starts, and with what sentence."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from danube_connector import Configuration, ConsumerConfig, ProducerConfig, SubscriptionType, sink, source
from danube_connector.testing import SinkHarness, SourceHarness


class Unit(enum.Enum):
    CELSIUS = "celsius"
    KELVIN = "kelvin"


@dataclass
class Retry:
    attempts: int = 3


@dataclass
class Everything:
    key_field: str
    limit: int = 1
    ratio: float = 0.5
    loud: bool = False
    names: list[str] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=dict)
    mode: Literal["a", "b"] = "a"
    unit: Unit = Unit.CELSIUS
    note: str | None = None
    retry: Retry = field(default_factory=Retry)
    rest: Any = None

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise ValueError("limit: cannot be below 0")


@source
class Configured:
    Settings = Everything
    settings: Everything

    def event(self, event: object) -> None: ...


@source
class Plain:
    def event(self, event: object) -> None: ...


@sink
class Rows:
    def message(self, message: object) -> None: ...


def made(settings: dict[str, Any]) -> Everything:
    settings_: Everything = SourceHarness(Configured, settings=settings).connector.settings
    return settings_


def test_every_type_is_read() -> None:
    settings = {
        "key_field": "id", "limit": 2, "ratio": 1, "loud": True, "names": ["a"], "tables": {"t": 1}, "mode": "b",
        "unit": "kelvin", "note": "n", "retry": {"attempts": 5}, "rest": [None],
    }  # fmt: skip
    assert made(settings) == Everything(
        "id", 2, 1.0, True, ["a"], {"t": 1}, "b", Unit.KELVIN, "n", Retry(5), [None]
    )
    assert made({"key_field": "id", "note": None}) == Everything("id")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "key_field is missing: it has no default"),
        ({"key_feld": "x"}, "unknown settings ['key_feld']; known are ['key_field', 'limit',"),
        ({"key_feld": "x"}, "(did you mean key_field?)"),
        ({"key_field": 7}, "key_field: expected a string, got 7"),
        ({"key_field": "x", "limit": True}, "limit: expected a whole number, got True"),
        ({"key_field": "x", "limit": 1.5}, "limit: expected a whole number, got 1.5"),
        ({"key_field": "x", "limit": -1}, "limit: cannot be below 0"),
        ({"key_field": "x", "ratio": "1"}, "ratio: expected a number, got '1'"),
        ({"key_field": "x", "loud": 1}, "loud: expected true or false, got 1"),
        ({"key_field": "x", "names": ["a", 2]}, "names[1]: expected a string, got 2"),
        ({"key_field": "x", "tables": {"t": "1"}}, "tables.t: expected a whole number"),
        ({"key_field": "x", "mode": "c"}, "mode: expected one of ['a', 'b'], got 'c'"),
        ({"key_field": "x", "unit": "f"}, "unit: expected one of ['celsius', 'kelvin'], got 'f'"),
        ({"key_field": "x", "retry": {"attemps": 1}}, "unknown settings ['attemps'] in retry; known are ['attempts']"),
        ({"key_field": "x", "retry": 1}, "retry: expected a table, got 1"),
    ],
)
def test_what_does_not_fit_is_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Configuration) as refused:
        made(settings)
    assert sentence in refused.value.message
    assert refused.value.message.startswith("the settings of `under-test`: ")


def test_a_connector_without_settings_takes_none() -> None:
    assert SourceHarness(Plain).connector.settings is None
    with pytest.raises(Configuration, match=r"unknown settings \['loud'\]; this connector has none"):
        SourceHarness(Plain, settings={"loud": True})


def test_an_error_of_init_is_the_configurations() -> None:
    @source
    class Breaks:
        def __init__(self, settings: object, endpoints: list[object]) -> None:
            raise KeyError("table")

        def event(self, event: object) -> None: ...

    with pytest.raises(Configuration, match=r"does not start: KeyError: 'table' \(.*test_settings.py:\d+\)"):
        SourceHarness(Breaks)


def test_endpoints_of_one_topic_make_it_once() -> None:
    endpoint = {"danube_topic": "/n/t", "partitions": 4, "auth": {}}
    harness = SourceHarness(Plain, endpoints=[{"path": "/a", **endpoint}, {"path": "/b", **endpoint}])
    assert harness.producer_configs() == [ProducerConfig("/n/t", 4)]
    assert harness.connector.endpoints[0].more == {"auth": {}}
    differ: list[dict[str, object]] = [{"path": "/a", **endpoint}, {"path": "/b", "danube_topic": "/n/t"}]
    with pytest.raises(Configuration, match="endpoint `/b` and another one publish to `/n/t`"):
        SourceHarness(Plain, endpoints=differ).producer_configs()


def test_mappings_carry_their_own_keys() -> None:
    mapping = {"topic": "/n/t", "subscription": "s", "subscription_type": "FailOver", "table": "rows"}
    harness = SinkHarness(Rows, mappings=[mapping])
    assert harness.consumer_configs() == [ConsumerConfig("/n/t", "s", SubscriptionType.FAILOVER)]
    assert harness.connector.mappings[0].table == "rows"
    with pytest.raises(Configuration, match="topic `/n/t` has two mappings"):
        SinkHarness(Rows, mappings=[mapping, mapping])
    with pytest.raises(Configuration, match="subscription_type: expected one of"):
        SinkHarness(Rows, mappings=[{**mapping, "subscription_type": "Common"}])


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({}, "has no method `event`"),
        ({"event": print, "wants": ["head"]}, r"unknown columns \['head'\]; a source can want"),
        ({"event": print, "Settings": int}, "put @dataclass on it"),
        ({"event": print, "Settings": dataclass(type("S", (), {"__annotations__": {"x": set}}))}, "a setting cannot be"),
    ],
)
def test_an_authors_mistake_is_told_when_the_component_is_built(members: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        source(type("Mistaken", (), members))
