"""What a connector is configured with beside its own settings, and the topics it asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from ._errors import Configuration


class SubscriptionType(IntEnum):
    """How consumers of one subscription share its messages."""

    EXCLUSIVE = 0
    """One consumer; order is kept."""
    SHARED = 1
    """Any number of consumers; no order."""
    FAILOVER = 2
    """One active consumer, others stand by; order is kept."""
    KEY_SHARED = 3
    """Any number of consumers; messages of one key go to one of them, in order."""


_SPELLED = {
    "Exclusive": SubscriptionType.EXCLUSIVE,
    "Shared": SubscriptionType.SHARED,
    "Failover": SubscriptionType.FAILOVER,
    "FailOver": SubscriptionType.FAILOVER,
    "KeyShared": SubscriptionType.KEY_SHARED,
}


@dataclass(frozen=True)
class ProducerConfig:
    """A topic that a source publishes to. The host refuses topics that the pipeline file does not grant."""

    topic: str
    """``/namespace/name``."""
    partitions: int = 0
    """Partitions to create it with; 0 for a topic without."""
    reliable_dispatch: bool = True
    """Ask the broker to keep each message until every subscription has acknowledged it."""
    options: list[tuple[str, str]] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class ConsumerConfig:
    """A topic that a sink consumes. The host refuses topics that the pipeline file does not grant."""

    topic: str
    """``/namespace/name``."""
    subscription: str
    """Name of the subscription, which holds the position."""
    subscription_type: SubscriptionType = SubscriptionType.SHARED
    """How its messages are shared."""
    expected_schema_subject: str | None = None
    """Refuse messages whose schema is of another subject."""
    options: list[tuple[str, str]] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class Endpoint:
    """One way in, and the topic behind it."""

    path: str
    """As :attr:`Event.endpoint` gives it."""
    danube_topic: str
    """``/namespace/name``."""
    partitions: int = 0
    """Partitions to create the topic with; 0 for a topic without."""
    reliable_dispatch: bool = True
    """Keep each message until every subscription has acknowledged it."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Its other keys in the pipeline file."""


@dataclass(frozen=True)
class TopicMapping:
    """One topic that is consumed."""

    topic: str
    """``/namespace/name``."""
    subscription: str
    """Name of the subscription, which holds the position."""
    subscription_type: SubscriptionType = SubscriptionType.SHARED
    """How its messages are shared."""
    expected_schema_subject: str | None = None
    """Refuse messages whose schema is of another subject."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Its other keys in the pipeline file, such as ``table``."""

    @property
    def table(self) -> str:
        """The key ``table``; empty if it has none."""
        return str(self.more.get("table", ""))


def parse(settings: str) -> dict[str, Any]:
    """A connector's settings as the host gives them, JSON text."""
    try:
        parsed = json.loads(settings)
    except ValueError as error:
        raise Configuration(f"the settings are not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise Configuration("the settings are not a JSON object")
    return parsed


def endpoints_of(settings: dict[str, Any]) -> list[Endpoint]:
    """The key ``endpoints``."""
    return [
        Endpoint(
            path=_text(keys, "path", f"endpoints[{at}]"),
            danube_topic=_text(keys, "danube_topic", f"endpoints[{at}]"),
            partitions=int(keys.pop("partitions", 0)),
            reliable_dispatch=bool(keys.pop("reliable_dispatch", True)),
            more=keys,
        )
        for at, keys in enumerate(_tables(settings, "endpoints"))
    ]


def mappings_of(settings: dict[str, Any]) -> list[TopicMapping]:
    """The key ``topic_mappings``."""
    return [
        TopicMapping(
            topic=_text(keys, "topic", f"topic_mappings[{at}]"),
            subscription=_text(keys, "subscription", f"topic_mappings[{at}]"),
            subscription_type=_subscription_type(keys.pop("subscription_type", None) or "Shared"),
            expected_schema_subject=keys.pop("expected_schema_subject", None),
            more=keys,
        )
        for at, keys in enumerate(_tables(settings, "topic_mappings"))
    ]


def producer_configs_of(endpoints: Iterable[Endpoint]) -> list[ProducerConfig]:
    """The topics of the endpoints, each once. Endpoints of one topic must agree on how it is made."""
    configs: dict[str, ProducerConfig] = {}
    for endpoint in endpoints:
        config = ProducerConfig(endpoint.danube_topic, endpoint.partitions, endpoint.reliable_dispatch)
        if configs.setdefault(config.topic, config) != config:
            raise Configuration(
                f"endpoint `{endpoint.path}` and another one publish to `{config.topic}` with different `partitions` or "
                "`reliable_dispatch`: give both the same"
            )
    return list(configs.values())


def consumer_configs_of(mappings: Iterable[TopicMapping]) -> list[ConsumerConfig]:
    """The topics of the mappings. A topic has one mapping only: a message does not say which subscription it came from."""
    configs: dict[str, ConsumerConfig] = {}
    for mapping in mappings:
        if mapping.topic in configs:
            raise Configuration(
                f"topic `{mapping.topic}` has two mappings: use a second sink, with a subscription of its own"
            )
        configs[mapping.topic] = ConsumerConfig(
            mapping.topic, mapping.subscription, mapping.subscription_type, mapping.expected_schema_subject
        )
    return list(configs.values())


def _tables(settings: dict[str, Any], key: str) -> list[dict[str, Any]]:
    tables = settings.get(key) or []
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise Configuration(f"{key}: expected a list of tables")
    return [dict(table) for table in tables]


def _text(keys: dict[str, Any], key: str, where: str) -> str:
    value = keys.pop(key, None)
    if not isinstance(value, str):
        raise Configuration(f"{where}.{key}: expected a string, got {value!r}")
    return value


def _subscription_type(name: str) -> SubscriptionType:
    if name not in _SPELLED:
        raise Configuration(f"subscription_type: expected one of {sorted(_SPELLED)}, got {name!r}")
    return _SPELLED[name]
