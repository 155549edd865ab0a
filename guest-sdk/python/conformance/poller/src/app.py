"""The poller of the conformance suite: orders are fetched from a feed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from danube_connector import Fatal, PageBuilder, PolledEvent, Retryable, Room, http, polling_source, state

CURSOR = "cursor"


@polling_source
class OrderFeed:
    @dataclass
    class Settings:
        url: str
        timeout_ms: int = 1000

    settings: Settings

    def fetch(self, room: Room, page: PageBuilder) -> None:
        after = state.get_text(CURSOR) or "0"
        answer = self.asked(after, room)
        for order in answer["orders"]:
            page.push(PolledEvent(order, id=order["id"], key=order.get("customer"), attributes={"page": after}))
        if "next" in answer:
            state.set(CURSOR, answer["next"])
        if answer.get("reset"):
            state.delete(CURSOR)
        if answer.get("panic"):
            raise RuntimeError("the feed panics")
        page.again_after_ms = 0 if answer.get("more") else answer.get("again_ms")
        if "ack" in answer:
            self.acknowledge(answer["ack"])

    def asked(self, after: str, room: Room) -> Any:
        query = urlencode({"after": after, "limit": room.events})
        answer = self.request("GET", f"{self.settings.url}?{query}")
        if not answer.ok:
            seconds = answer.header("retry-after")
            raise Retryable(f"the feed answered {answer.status}", after_ms=int(seconds) * 1000 if seconds else None)
        return answer.json()

    def acknowledge(self, token: str) -> None:
        if self.request("POST", f"{self.settings.url}/ack", {"ack": token}).status != 204:
            raise Fatal("the feed refused the ack")

    def request(self, method: str, url: str, json: Any = None) -> http.Response:
        headers = {"authorization": "secret:feed"}
        return http.request(method, url, json=json, headers=headers, timeout_ms=self.settings.timeout_ms)
