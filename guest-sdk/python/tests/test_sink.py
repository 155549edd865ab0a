"""A sink through the columns of the contract."""

from __future__ import annotations

from typing import Any

import pytest
from danube_connector import Message, Messages, Retryable, Write, WriteBuilder, sink
from danube_connector.testing import Delivered, SinkHarness

MAPPINGS = {"/n/t": "rows"}


def harness(message: Any, **attributes: Any) -> SinkHarness:
    """A sink whose `message` is the function."""
    members = {"message": lambda self, message_: message(message_), **attributes}
    return SinkHarness(sink(type("UnderTest", (), members)), mappings=MAPPINGS)


def test_every_operation_crosses() -> None:
    made = [
        Write.insert("rows", {"a": 1}),
        Write.insert("rows", b'{"b":1}', id="i"),
        Write.upsert("rows", "u", {"a": "é"}, order=(1 << 64) - 1),
        Write.merge("other", "m", {}, order=1),
        Write.delete("rows", "d"),
    ]
    processed = harness(lambda message: made).process_batch(Delivered("/n/t", 1))
    assert [(w.operation, w.target, w.id, w.order, w.payload) for w in processed.writes] == [
        ("insert", "rows", None, 0, b'{"a":1}'),
        ("insert", "rows", "i", 0, b'{"b":1}'),
        ("upsert", "rows", "u", (1 << 64) - 1, '{"a":"é"}'.encode()),
        ("merge", "other", "m", 1, b"{}"),
        ("delete", "rows", "d", 0, b""),
    ]
    assert all(write.origins == [0] for write in processed.writes)


def test_plain_inserts_need_no_columns_of_operations_and_orders() -> None:
    under_test = harness(lambda message: message.forward())
    processed = under_test.process_batch(Delivered("/n/t", b"\0"), Delivered("/n/t", b""))
    assert [(w.operation, w.target, w.payload, w.forwarded) for w in processed.writes] == [
        ("insert", "rows", b"\0", True),
        ("insert", "rows", b"", True),
    ]


def test_everything_of_a_message_is_read() -> None:
    seen: list[Any] = []
    one = Delivered(
        "/n/t", b"x", id="i", key=b"k", published_ms=5, producer="p", schema="s@3", attributes={"site": "north"}, order=9
    )

    def message(m: Message) -> None:
        seen.append((m.id, m.key, m.published_ms, m.producer, m.schema, m.attribute("site"), m.order, m.text(), m.table))

    harness(message).process_batch(one)
    harness(message, wants=["publish-times"]).process_batch(one)
    assert seen == [
        ("i", b"k", 5, "p", ("s", 3), "north", 9, "x", "rows"),
        ("", None, 5, "", None, None, 5, "x", "rows"),
    ]


def test_a_change_of_a_row_is_told_by_attributes() -> None:
    seen: list[Any] = []
    under_test = harness(lambda message: seen.append(message.change()))
    processed = under_test.process_batch(
        Delivered("/n/t", 1),
        Delivered("/n/t", 1, attributes={"change.op": "update", "change.unchanged": "a,b"}),
        Delivered("/n/t", 1, attributes={"change.op": "insert", "change.key-changed": "true"}),
        Delivered("/n/t", 1, attributes={"change.op": "rename"}),
    )
    assert seen == [None, ("update", ["a", "b"], False), ("insert", [], True)]
    assert processed.refused[0].message == "the attribute `change.op` is `rename`, which is no change"


@pytest.mark.parametrize("order", [-1, 1 << 64, 1.5])
def test_an_order_that_is_none_refuses_its_message(order: Any) -> None:
    processed = harness(lambda message: Write.delete("rows", "d", order=order)).process_batch(Delivered("/n/t", 1))
    assert "an order is a whole number" in processed.refused[0].message


def test_a_document_id_is_checked() -> None:
    processed = harness(lambda m: Write.delete("rows", m.json())).process_batch(
        Delivered("/n/t", ""), Delivered("/n/t", "x" * 513), Delivered("/n/t", "x" * 512)
    )
    assert [refused.origin for refused in processed.refused] == [0, 1]
    assert len(processed.writes) == 1


def test_many_messages_merge_into_one_write() -> None:
    @sink
    class Last:
        def process_batch(self, messages: Messages, writes: WriteBuilder) -> None:
            if len(messages) == 0:
                raise Retryable("nothing yet")
            all_of_them = list(messages)
            writes.push(all_of_them, Write.upsert("rows", "last", all_of_them[-1].json()))

    under_test = SinkHarness(Last, mappings=MAPPINGS)
    processed = under_test.process_batch(Delivered("/n/t", 1), Delivered("/n/t", 2))
    assert (processed.writes[0].json(), processed.writes[0].origins) == (2, [0, 1])
    with pytest.raises(Retryable):
        under_test.process_batch()
