"""A sink: the table holds the latest reading of each device."""

from __future__ import annotations

from dataclasses import dataclass

from danube_connector import InvalidData, Message, Write, log, metrics, sink


@sink
class {{type}}:
    @dataclass
    class Settings:
        """The table `[sinks.config]` of the pipeline file. A key that is not here is refused."""

        id_field: str = "device"  # the field of a reading whose value is the id of its row

    wants = ["orders"]  # columns that are read beside the payload: "keys", "attributes", "publish-times", ...
    settings: Settings

    # Change here what a message becomes: return a write, yield many, or return None. InvalidData makes a dead letter of
    # this one message.
    def message(self, message: Message) -> Write:
        reading = message.json()
        device = reading.get(self.settings.id_field)
        if not isinstance(device, str):
            raise InvalidData(f"no {self.settings.id_field}")
        log.debug("device %s", device)
        metrics.add("readings")
        state = {"celsius": reading["celsius"]}
        return Write.upsert(message.table, device, state, order=message.order)  # an old reading never overwrites a newer one
