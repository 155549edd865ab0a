"""A polling source, its state and its requests through the columns of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from danube_connector import (
    Event,
    Fatal,
    InvalidData,
    Message,
    PageBuilder,
    PolledEvent,
    Record,
    Retryable,
    Room,
    Write,
    http,
    polling_source,
    sink,
    state,
)
from danube_connector.http import HttpError, Request, Response
from danube_connector.testing import Delivered, SinkHarness, SourceHarness

URL = "https://api.example/orders"


@polling_source
class Orders:
    """Pages with a cursor."""

    @dataclass
    class Settings:
        url: str = URL

    settings: Settings

    def fetch(self, room: Room, page: PageBuilder) -> None:
        after = state.get_text("after") or ""
        answer = http.get(f"{self.settings.url}?after={after}&limit={room.events}", headers={"Authorization": "secret:shop"})
        if not answer.ok:
            raise Retryable(f"{answer.url} answered {answer.status}", after_ms=7)
        body = answer.json()
        for order in body["orders"]:
            state.set("after", order["id"])
            page.push(PolledEvent(order, id=order["id"], key=order.get("customer"), attributes=order.get("tags")))
        if body.get("more"):
            page.again_after_ms = 0


def answered(body: bytes, status: int = 200) -> Any:
    return lambda request: Response(status, {"content-type": "application/json"}, body)


def orders(**given: Any) -> SourceHarness:
    return SourceHarness(Orders, topic="/shop/orders", **given)


def fetching(fetch: Any, **given: Any) -> SourceHarness:
    """A poller whose `fetch` is the function."""
    members = {"fetch": lambda self, room, page: fetch(room, page)}
    return SourceHarness(polling_source(type("UnderTest", (), members)), topic="/n/t", **given)


def test_a_page_goes_on_where_the_state_says_and_becomes_records() -> None:
    body = '{"orders": [{"id": "8", "customer": "é"}, {"id": "9", "tags": {"a": "1"}}], "more": true}'.encode()
    harness = orders(state={"after": b"7", "other": b"\xff"}, http=answered(body))
    page = harness.fetch(events=2)
    assert [(event.id, event.key, event.attributes) for event in page.events] == [("8", "é", {}), ("9", None, {"a": "1"})]
    assert (page.events[0].json(), page.again_after_ms) == ({"id": "8", "customer": "é"}, 0)
    assert harness.state == {"after": b"9", "other": b"\xff"}
    (asked,) = harness.requests
    assert (asked.method, asked.url, asked.header("authorization")) == ("GET", f"{URL}?after=7&limit=2", "secret:shop")
    polled = harness.poll_page(page)
    assert [(record.topic, record.key, record.forwarded) for record in polled.records] == [
        ("/shop/orders", "é", True),
        ("/shop/orders", None, True),
    ]
    assert harness.producer_configs()[0].topic == "/shop/orders"


def test_an_empty_page_waits_for_the_interval() -> None:
    page = orders(http=answered(b'{"orders": []}')).fetch()
    assert (page.events, page.again_after_ms) == ([], None)


def test_its_own_event_sees_what_was_fetched() -> None:
    @polling_source
    class Doubled:
        wants = ["ids", "attributes"]

        def fetch(self, room: Room, page: PageBuilder) -> None:
            page.push(PolledEvent(21, id="a", attributes={"x": "y"}))

        def event(self, event: Event) -> Record:
            return Record(event.topic, event.json() * 2, id=f"{event.id}:0", attributes=event.attributes)

    harness = SourceHarness(Doubled, topic="/n/t")
    (record,) = harness.poll_page(harness.fetch()).records
    assert (record.json(), record.id, record.attributes) == (42, "a:0", {"x": "y"})


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (answered(b"", 503), Retryable, f"{URL}?after=&limit=100 answered 503"),
        (answered(b"{"), HttpError, f"the answer of {URL}?after=&limit=100 is not JSON: Expecting property name"),
        (answered(b"\xff"), HttpError, f"the answer of {URL}?after=&limit=100 is not UTF-8: byte 0 cannot be"),
        ({}, HttpError, f"`{URL}?after=&limit=100` is not granted in this test"),
        (None, HttpError, "nothing answers in this test: give the harness `http`"),
        (answered(b'{"orders": [{"id": "a"}, {"id": ""}]}'), InvalidData, "an event id has 1 to 256 bytes"),
        (answered(b"{}"), KeyError, "'orders'"),
    ],
)
def test_what_fails_is_said_and_leaves_the_state(answer: Any, error: type[Exception], message: str) -> None:
    harness = orders(state={"n": b"1"}, http=answer)
    with pytest.raises(error) as failed:
        harness.fetch()
    assert str(failed.value).startswith(message)
    assert harness.state == {"n": b"1"}
    with pytest.raises(Fatal, match="state is there while `fetch` runs, and at no other time"):
        state.set("after", "1")


def test_state_has_the_hosts_limits() -> None:
    def fetch(room: Room, page: PageBuilder) -> None:
        state.set("k" * 128, bytes(65536))
        for key, value, said in (("", b"", "1 to 128 bytes"), ("é" * 65, b"", "1 to 128 bytes"), ("v", bytes(65537), "64 KiB")):
            with pytest.raises(Fatal, match=said):
                state.set(key, value)
        state.delete("k" * 128)
        state.delete("k" * 128)
        for n in range(256):
            state.set(f"{n:03}", b"x")
        with pytest.raises(Fatal, match="at most 256 keys"):
            state.set("more", b"")
        state.set("000", b"\xff")
        assert (state.keys()[:2], state.get("000"), state.get_text("000"), state.get("none")) == (["000", "001"], b"\xff", None, None)

    harness = fetching(fetch)
    harness.fetch()
    assert (len(harness.state), harness.state["000"]) == (256, b"\xff")


def test_a_builder_counts_what_it_has_and_keeps_bytes() -> None:
    def fetch(room: Room, page: PageBuilder) -> None:
        page.push(PolledEvent(b"\xff\0"))
        page.push(PolledEvent("é", key=7))
        assert (len(page), page.bytes) == (2, 6)
        page.again_after_ms = 1 << 40

    page = fetching(fetch).fetch()
    assert [(event.payload, event.id, event.key) for event in page.events] == [(b"\xff\0", None, None), ('"é"'.encode(), None, "7")]
    assert page.again_after_ms == (1 << 32) - 1


def test_redirects_of_get_are_followed_and_not_for_ever() -> None:
    def moved(to: str) -> Response:
        return Response(302, {"location": to})

    api = {
        "https://a.example/p/1?q": moved("2?x=1#fragment"),
        "https://a.example/p/2?x=1": moved("//b.example/3"),
        "https://b.example/3": Response(200, {}, b"here"),
        "https://a.example/loop": moved("/loop"),
    }

    def fetch(room: Room, page: PageBuilder) -> None:
        answer = http.get("https://a.example/p/1?q")
        assert (answer.text(), answer.url) == ("here", "https://b.example/3")
        assert http.post("https://a.example/p/1?q").status == 302
        with pytest.raises(HttpError, match="more than 5 redirects, the last to https://a.example/loop"):
            http.get("https://a.example/loop")
        for bad in ("a.example/x", "https://", "https:///x", "https://[x"):
            with pytest.raises(HttpError, match="is not an absolute URL"):
                http.get(bad)

    harness = fetching(fetch, http=api)
    harness.fetch()
    assert [request.url for request in harness.requests[:3]] == list(api)[:3]


def test_a_sink_asks_and_an_answer_that_is_late_is_tried_again() -> None:
    def answer(request: Request) -> Response:
        if request.body == b'{"id":"late"}':
            raise HttpError(f"no answer within {request.timeout_ms} ms")
        return Response(200, {}, b'{"price": 7}')

    @sink
    class Priced:
        def message(self, message: Message) -> Write:
            priced = http.request("PUT", URL, json=message.json(), timeout_ms=50)
            return Write.upsert("orders", message.json()["id"], priced.json())

    harness = SinkHarness(Priced, mappings={"/n/t": "orders"}, http=answer)
    (write,) = harness.process_batch(Delivered("/n/t", {"id": "a"})).writes
    assert write.json() == {"price": 7}
    assert (harness.requests[0].method, harness.requests[0].header("content-type")) == ("PUT", "application/json")
    with pytest.raises(Retryable, match="no answer within 50 ms"):
        harness.process_batch(Delivered("/n/t", {"id": "late"}))


def test_a_poller_fetches() -> None:
    with pytest.raises(TypeError, match="the polling source Plain has no method `fetch`"):

        @polling_source
        class Plain:
            def event(self, event: Event) -> None: ...
