"""A source: an order becomes one record a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from danube_connector import Event, InvalidData, Record, log, metrics, source


@source
class {{type}}:
    @dataclass
    class Settings:
        """The table `[sources.config]` of the pipeline file. A key that is not here is refused."""

        key_field: str = "id"  # the field of an order whose value is the key of its records

    wants: list[str] = []  # columns that are read beside the payload: "headers", "ids", "attributes", ...
    settings: Settings

    # Change here what an event becomes: yield no record, one, or many. InvalidData refuses this one event.
    def event(self, event: Event) -> Iterator[Record]:
        order = event.json()
        key = order.get(self.settings.key_field)
        if not order.get("lines"):
            raise InvalidData(f"order {key} has no lines")
        log.info("order %s has %d lines", key, len(order["lines"]))
        metrics.add("orders")
        for line in order["lines"]:
            yield Record(event.topic, line, key=key)
