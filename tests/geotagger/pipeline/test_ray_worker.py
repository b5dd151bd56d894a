"""What a worker sends home of its networks; without a cluster."""

from geotagger.evidence.cached import PackedOutput
from geotagger.pipeline.ray_worker import InferenceOnly, InterpretationOnly, RecordingCache
from tests.fixtures.sources import EchoSource

OUTPUT = PackedOutput(b"output", "")


def named(name, output_key):
    source = EchoSource()
    source.name, source.output_key = name, output_key
    return source


def test_outputs_go_home_by_the_name_of_their_source():
    """Two sources may share a network, and with it the key."""
    cache = RecordingCache(None)
    cache.keep("one network", [("sha", OUTPUT)])
    sources = [
        named("vision:a", "one network"),
        named("vision:b", "one network"),
        named("text", ""),
    ]
    assert cache.of("sha", sources) == {"vision:a": OUTPUT, "vision:b": OUTPUT}
    assert cache.of("another", sources) == {}
    assert cache.find("sha", "one network") is None


def test_the_worker_infers_and_the_driver_interprets():
    source = EchoSource()
    assert InferenceOnly(source).weigh(["a", "b"]) == [None, None]
    assert source.inferred == ["a", "b"]
    assert InterpretationOnly(source).weigh(["c"]) == ["c"]
    assert source.inferred == ["a", "b"]
