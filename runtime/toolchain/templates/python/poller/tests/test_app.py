import json

import pytest
from app import {{type}}
from danube_connector import Retryable
from danube_connector.http import Request, Response
from danube_connector.testing import SourceHarness


def api(request: Request) -> Response:
    """Two pages; behind them nothing."""
    pages = {
        "0": {"orders": [{"id": 1, "customer": "c-1"}, {"id": 2}], "more": True},
        "2": {"orders": [], "more": False},
    }
    assert request.header("authorization") == "secret:orders"
    after = request.url.partition("after=")[2].partition("&")[0]
    return Response(200, {}, json.dumps(pages[after]).encode())


def orders(**given: object) -> SourceHarness:
    return SourceHarness({{type}}, topic="/default/orders", settings={"url": "https://api.example/orders"}, **given)  # type: ignore[arg-type]


def test_a_page_leads_to_the_next() -> None:
    harness = orders(http=api)
    first = harness.fetch()
    assert ([event.id for event in first.events], first.again_after_ms) == (["1", "2"], 0)
    assert harness.state == {"after": b"2"}
    assert harness.fetch().again_after_ms is None
    polled = harness.poll_page(first)
    assert [record.key for record in polled.records] == ["c-1"]
    assert polled.refused[0].message == "order 2 has no customer"


def test_an_answer_that_is_no_page_is_tried_again() -> None:
    harness = orders(state={"after": b"7"}, http=lambda request: Response(503))
    with pytest.raises(Retryable, match="answered 503"):
        harness.fetch()
    assert harness.state == {"after": b"7"}
