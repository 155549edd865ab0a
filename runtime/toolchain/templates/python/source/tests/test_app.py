from app import {{type}}
from danube_connector.testing import Incoming, SourceHarness


def test_an_order_becomes_its_lines() -> None:
    harness = SourceHarness({{type}}, endpoints={"/orders": "/default/lines"})
    polled = harness.poll(
        Incoming("/orders", {"id": "o-1", "lines": [{"sku": "a"}, {"sku": "b"}]}),
        Incoming("/orders", {"id": "o-2", "lines": []}),
        Incoming("/orders", b"{"),
    )
    assert [record.json() for record in polled.records] == [{"sku": "a"}, {"sku": "b"}]
    assert polled.records[0].key == "o-1"
    assert polled.refused[0].message == "order o-2 has no lines"
    assert polled.refused[1].message.startswith("not JSON")
    assert harness.metrics == {"orders": 1}
