"""A source that asks an API for its events: each order is one, and becomes a record."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from danube_connector import (
    Event,
    InvalidData,
    PageBuilder,
    PolledEvent,
    Record,
    Retryable,
    Room,
    http,
    metrics,
    polling_source,
    state,
)

PAGE = 100


@polling_source
class {{type}}:
    @dataclass
    class Settings:
        """The table `[sources.config]` of the pipeline file. A key that is not here is refused."""

        url: str  # what is asked; its host is in `grants.http.hosts`

    wants: list[str] = []  # columns that `event` reads beside the payload: "ids", "keys", "attributes", ...
    settings: Settings

    # Change here what is asked for. The state is durable once the events of this page are; a call that fails changes nothing
    # of it. An HttpError, raised where there is no answer, is tried again after a wait, as Retryable is.
    def fetch(self, room: Room, page: PageBuilder) -> None:
        query = urlencode({"after": state.get_text("after") or "0", "limit": min(room.events, PAGE)})
        # The host sends the credential in place of its name.
        answer = http.get(f"{self.settings.url}?{query}", headers={"authorization": "secret:orders"}, timeout_ms=10_000)
        if not answer.ok:
            raise Retryable(f"{answer.url} answered {answer.status}")
        found = answer.json()
        for order in found["orders"]:
            page.push(PolledEvent(order, id=str(order["id"])))
            state.set("after", str(order["id"]))
        if found["more"]:
            page.again_after_ms = 0

    # Change here what an event becomes: return no record, one, or many. InvalidData refuses this one event.
    def event(self, event: Event) -> Record:
        order = event.json()
        if not order.get("customer"):
            raise InvalidData(f"order {order.get('id')} has no customer")
        metrics.add("orders")
        return event.forward(key=order["customer"])
