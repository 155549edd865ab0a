"""A source through the columns of the contract."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from danube_connector import (
    Event,
    Events,
    Fatal,
    InvalidData,
    Record,
    RecordBuilder,
    Reply,
    Retryable,
    Unsupported,
    log,
    metrics,
    source,
)
from danube_connector.testing import Incoming, SourceHarness

ENDPOINTS = {"/in": "/n/t"}


def harness(event: Any, **attributes: Any) -> SourceHarness:
    """A source whose `event` is the function."""
    members = {"event": lambda self, event_: event(event_), **attributes}
    return SourceHarness(source(type("UnderTest", (), members)), endpoints=ENDPOINTS)


def test_none_one_and_many_records_keep_their_origins() -> None:
    def event(event: Event) -> Any:
        n = event.json()
        return None if n == 0 else event.forward() if n == 1 else [Record("/n/t", i) for i in range(n)]

    polled = harness(event).poll(*(Incoming("/in", n) for n in (1, 0, 3)))
    assert [(record.origins, record.payload) for record in polled.records] == [
        ([0], b"1"),
        ([2], b"0"),
        ([2], b"1"),
        ([2], b"2"),
    ]
    assert [record.forwarded for record in polled.records] == [True, False, False, False]


def test_one_record_an_event_needs_no_origins() -> None:
    polled = harness(lambda event: event.forward("/n/other")).poll(Incoming("/in", b"\xff\0"), Incoming("/in", b""))
    assert [(record.topic, record.origins, record.payload) for record in polled.records] == [
        ("/n/other", [0], b"\xff\0"),
        ("/n/other", [1], b""),
    ]


def test_an_empty_batch_is_an_empty_batch() -> None:
    polled = harness(lambda event: None).poll()
    assert (polled.records, polled.refused, polled.answers) == ([], [], [])


def test_late_ids_keys_and_attributes_are_filled_up() -> None:
    def event(event: Event) -> Record:
        given: dict[str, Any] = event.json()
        return Record("/n/t", 1, **given)

    polled = harness(event).poll(
        Incoming("/in", {}),
        Incoming("/in", {"id": "é", "key": "🐟", "attributes": {"a": "1", "ü": "ö"}}),
        Incoming("/in", {"key": 7}),
        Incoming("/in", {"key": True}),
        Incoming("/in", {}),
    )
    assert [record.id for record in polled.records] == [None, "é", None, None, None]
    assert [record.key for record in polled.records] == [None, "🐟", "7", "true", None]
    assert polled.records[1].attributes == {"a": "1", "ü": "ö"}
    assert polled.records[4].attributes == {}


def test_what_was_not_wanted_is_empty() -> None:
    seen: list[Any] = []
    one = Incoming(
        "/in", b"", id="i", key=b"k", content_type="a/b", received_ms=9, headers={"x-a": "1"}, attributes={"path": "/in"}
    )

    def event(event: Event) -> None:
        seen.append((event.id, event.key, event.content_type, event.received_ms, event.headers, event.attributes))

    harness(event).poll(one)
    harness(event, wants=["headers", "content_types"]).poll(one)
    assert seen == [
        ("i", b"k", "a/b", 9, {"x-a": "1"}, {"path": "/in"}),
        ("", None, "a/b", 0, {"x-a": "1"}, {}),
    ]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"{", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2"),
        (b"\xff", "not JSON: not UTF-8: byte 0 cannot be"),
        (b"NaN", "not JSON: NaN is not a number of JSON"),
        (b"[" * 200_000, "not JSON: nested too deeply"),
        ("{}".encode("utf-16"), "not JSON: not UTF-8: byte 0 cannot be"),
        (b"9" * 5000, "not JSON: Exceeds the limit"),
        (b"", "not JSON: Expecting value"),
    ],
)
def test_what_is_not_json_refuses_its_event_alone(payload: bytes, message: str) -> None:
    polled = harness(lambda event: Record("/n/t", event.json())).poll(Incoming("/in", payload), Incoming("/in", 1))
    assert [(refused.origin, refused.unsupported) for refused in polled.refused] == [(0, False)]
    assert polled.refused[0].message.startswith(message)
    assert [record.origins for record in polled.records] == [[1]]


@pytest.mark.parametrize(
    "made",
    [
        lambda: Record("/n/t", 1, id=""),
        lambda: Record("/n/t", 1, id="a\nb"),
        lambda: Record("/n/t", 1, id="é" * 129),
        lambda: Record("/n/t", 1, key=[]),  # type: ignore[arg-type]
        lambda: Record("/n/t", 1, key="\ud83d"),
        lambda: Record("/n/t", float("inf")),
        lambda: Reply(500),
        lambda: Reply(200, b"", "text/plain\n"),
        lambda: Reply(200, bytes(65537)),
    ],
)
def test_what_cannot_be_published_refuses_its_event(made: Any) -> None:
    polled = harness(lambda event: made()).poll(Incoming("/in", 1))
    assert len(polled.refused) == 1 and not polled.records
    assert "Error" not in polled.refused[0].message


def test_half_a_surrogate_pair_goes_through() -> None:
    def event(event: Event) -> Record:
        text = event.json()
        if len(text) > 1:
            raise InvalidData(f"no {text}")
        return Record("/n/t", text)

    polled = harness(event).poll(Incoming("/in", rb'"\ud83d"'), Incoming("/in", rb'"\ud83dx"'))
    assert polled.records[0].payload == rb'"\ud83d"'
    assert polled.refused[0].message == r"no \ud83dx"


def test_records_before_an_error_are_dropped_with_their_event() -> None:
    def event(event: Event) -> Iterator[Record | Reply]:
        yield Reply.text(202, "ok")
        yield event.forward()
        if event.json() == 0:
            raise Unsupported("no use for 0")

    polled = harness(event).poll(Incoming("/in", 0), Incoming("/in", 1))
    assert [record.origins for record in polled.records] == [[1]]
    assert [(answer.origin, answer.status, answer.body) for answer in polled.answers] == [(1, 202, b"ok")]
    assert polled.refused[0].unsupported


def test_an_uncaught_error_refuses_its_event_with_file_and_line() -> None:
    def event(event: Event) -> Record:
        return Record("/n/t", 1 // event.json())

    under_test = harness(event)
    polled = under_test.poll(Incoming("/in", 0), Incoming("/in", 1))
    assert len(polled.records) == 1
    message = polled.refused[0].message
    assert message.startswith("ZeroDivisionError: ") and "test_source.py:" in message
    level, line = under_test.logs[0]
    assert level == "error" and line.startswith("uncaught ZeroDivisionError") and "in event" in line


@pytest.mark.parametrize("made", ["text", {"a": 1}, 7, [Record("/n/t", 1), 7]])
def test_what_is_no_record_is_told_by_its_type(made: Any) -> None:
    polled = harness(lambda event: made).poll(Incoming("/in", 1))
    assert "not Record or Reply" in polled.refused[0].message


def test_endless_recursion_refuses_its_event() -> None:
    def event(event: Event) -> Any:
        return event_again(event)

    def event_again(one: Event) -> Any:
        return event(one)

    polled = harness(event).poll(Incoming("/in", 1))
    assert polled.refused[0].message.startswith("RecursionError")


@pytest.mark.parametrize("error", [Retryable("later", after_ms=50), Fatal("never"), MemoryError()])
def test_an_error_of_more_than_its_event_fails_the_call(error: BaseException) -> None:
    def event(event: Event) -> None:
        raise error

    with pytest.raises(type(error)):
        harness(event).poll(Incoming("/in", 1))


def test_a_whole_batch_becomes_one_record() -> None:
    @source
    class Sum:
        def poll(self, events: Events, records: RecordBuilder) -> None:
            good = []
            for event in events:
                try:
                    good.append((event, event.json()))
                except InvalidData as error:
                    records.reject(event, error)
            records.push([event for event, _ in good], Record("/n/t", sum(n for _, n in good)))

    polled = SourceHarness(Sum, endpoints=ENDPOINTS).poll(Incoming("/in", 1), Incoming("/in", b"{"), Incoming("/in", 2))
    assert (polled.records[0].json(), polled.records[0].origins) == (3, [0, 2])
    assert polled.refused[0].origin == 1


def test_logs_and_metrics_are_kept_for_the_test(caplog: pytest.LogCaptureFixture) -> None:
    def event(event: Event) -> None:
        log.info("event %d of %s", event.json(), event.endpoint)
        metrics.add("events")
        metrics.gauge("last", 2)
        metrics.observe("sizes", 1)

    with caplog.at_level(logging.INFO):
        under_test = harness(event)
        under_test.poll(Incoming("/in", 1), Incoming("/in", 2))
    assert under_test.logs == [("info", "event 1 of /in"), ("info", "event 2 of /in")]
    assert under_test.metrics == {"events": 2, "last": 2.0}
    assert under_test.observations == {"sizes": [1.0, 1.0]}
    assert "event 2 of /in" in caplog.text


def test_a_counter_only_rises() -> None:
    polled = harness(lambda event: metrics.add("x", -1)).poll(Incoming("/in", 1))
    assert "counters only rise" in polled.refused[0].message
