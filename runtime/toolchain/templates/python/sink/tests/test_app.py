from app import {{type}}
from danube_connector.testing import Delivered, SinkHarness


def test_a_reading_is_the_state_of_its_device() -> None:
    harness = SinkHarness({{type}}, mappings={"/default/readings": "devices"})
    processed = harness.process_batch(
        Delivered("/default/readings", {"device": "d7", "celsius": 20.5}, order=7),
        Delivered("/default/readings", {"celsius": 3}),
        Delivered("/default/readings", {"device": "d8"}),
    )
    (write,) = processed.writes
    assert (write.operation, write.target, write.id, write.order) == ("upsert", "devices", "d7", 7)
    assert write.json() == {"celsius": 20.5}
    assert processed.refused[0].message == "no device"
    assert processed.refused[1].message.startswith("KeyError: 'celsius'")  # not meant, and told with file and line
