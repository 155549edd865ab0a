"""The sink of the conformance suite: a table holds the latest state of each device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from danube_connector import Fatal, InvalidData, Message, Retryable, Write, log, metrics, sink


@sink
class DeviceState:
    @dataclass
    class Settings:
        id_field: str = "device"

    wants = ["attributes", "orders"]
    settings: Settings

    def message(self, message: Message) -> Write:
        reading = message.json()
        device = self.checked(reading)
        operation = "delete" if reading.get("gone") is True else "merge" if reading.get("merge") is True else "upsert"
        log.info("device %s: %s", device, operation)
        metrics.add("writes")
        celsius = reading.get("celsius")
        if isinstance(celsius, (int, float)) and not isinstance(celsius, bool):
            metrics.gauge("celsius", celsius)
        if operation == "delete":
            return Write.delete(message.table, device, order=message.order)
        state = {name: value for name, value in reading.items() if name not in (self.settings.id_field, "merge", "gone")}
        site = message.attribute("site")
        if site is not None:
            state["site"] = site
        write = Write.merge if operation == "merge" else Write.upsert
        return write(message.table, device, state, order=message.order)

    def checked(self, reading: Any) -> str:
        """The device of a reading that has one."""
        if not isinstance(reading, dict):
            raise InvalidData("a message is a JSON object")
        if reading.get("fatal") is True:
            raise Fatal("told to stop")
        if reading.get("retry") is True:
            raise Retryable("told to wait", after_ms=50)
        device = reading.get(self.settings.id_field)
        if not isinstance(device, str) or not device:
            raise InvalidData(f"no {self.settings.id_field}")
        if reading.get("panic") is True:
            raise RuntimeError(f"device {device} panics")
        return device
