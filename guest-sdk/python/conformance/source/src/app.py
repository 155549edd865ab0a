"""The source of the conformance suite: an order becomes one record a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from danube_connector import Event, InvalidData, Record, Reply, log, metrics, source


@source
class OrderLines:
    @dataclass
    class Settings:
        key_field: str = "id"
        forward: bool = False

    wants = ["headers"]
    settings: Settings

    def event(self, event: Event) -> Iterator[Record | Reply]:
        tenant = event.header("x-tenant")
        attributes = {} if tenant is None else {"tenant": tenant}
        if self.settings.forward:
            metrics.add("orders")
            yield event.forward(attributes=attributes)
            return
        order = event.json()
        id, lines = self.checked(order)
        log.info("order %s: %d lines", id, len(lines))
        metrics.add("orders")
        key = order.get(self.settings.key_field)
        for place, item in enumerate(lines):
            line = {"order": id, "line": place, "item": item}
            yield Record(event.topic, line, key=key, id=f"{id}:{place}", attributes=attributes)
        if order.get("ask") is True:
            yield Reply.text(202, f"order {id}: {len(lines)} lines")

    def checked(self, order: Any) -> tuple[str, list[Any]]:
        """Id and lines of an order that has both."""
        if not isinstance(order, dict):
            raise InvalidData("an order is a JSON object")
        id, lines = order.get("id"), order.get("lines")
        if not isinstance(id, str) or not id:
            raise InvalidData("an order needs an id")
        if order.get("panic") is True:
            raise RuntimeError(f"order {id} panics")
        if not isinstance(lines, list) or not lines:
            raise InvalidData(f"order {id} has no lines")
        return id, lines
