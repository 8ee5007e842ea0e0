"""Prometheus can read what the service tells, and each service tells its own."""

from prometheus_client.parser import text_string_to_metric_families

from nearfar.service.observability import CONTENT_TYPE, Metrics
from nearfar.service.worker import Timing


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels, by label."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_requests_are_counted_by_route_method_and_status() -> None:
    metrics = Metrics()
    for status in (200, 200, 429):
        metrics.request("/v1/depth", "POST", status, 0.2)
    found = samples(metrics)
    assert found["nearfar_requests_total", "POST", "/v1/depth", "200"] == 2
    assert found["nearfar_requests_total", "POST", "/v1/depth", "429"] == 1
    assert found["nearfar_request_seconds_count", "/v1/depth"] == 3
    assert found["nearfar_request_seconds_bucket", "0.1", "/v1/depth"] == 0
    assert found["nearfar_request_seconds_bucket", "0.25", "/v1/depth"] == 3


def test_each_stage_has_its_latency() -> None:
    metrics = Metrics()
    metrics.done(Timing(queue_ms=1, prepare_ms=20, infer_ms=300, finish_ms=4000))
    found = samples(metrics)
    sums = {
        stage: round(found["nearfar_stage_seconds_sum", stage], 6)
        for stage in ("queue", "prepare", "infer", "finish", "total")
    }
    assert sums == {"queue": 0.001, "prepare": 0.02, "infer": 0.3, "finish": 4, "total": 4.321}


def test_refusals_streams_and_frames() -> None:
    metrics = Metrics()
    metrics.refused("queue-full")
    metrics.stream_opened()
    metrics.stream_opened()
    metrics.stream_closed()
    metrics.frame("done")
    metrics.frame("dropped")
    metrics.frame("dropped")
    found = samples(metrics)
    assert found["nearfar_refusals_total", "queue-full"] == 1
    assert found["nearfar_streams_open",] == 1
    assert found["nearfar_frames_total", "done"] == 1
    assert found["nearfar_frames_total", "dropped"] == 2


def test_queue_is_read_when_it_is_asked_for() -> None:
    metrics = Metrics()
    depth = [0]
    metrics.watch(waiting=lambda: depth[0], running=lambda: 2)
    assert samples(metrics)["nearfar_queue_depth",] == 0
    depth[0] = 5
    found = samples(metrics)
    assert (found["nearfar_queue_depth",], found["nearfar_running",]) == (5, 2)


def test_two_services_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.refused("draining")
    assert ("nearfar_refusals_total", "draining") in samples(first)
    assert ("nearfar_refusals_total", "draining") not in samples(second)


def test_no_version_is_told() -> None:
    text = Metrics().text().decode()
    assert "python" not in text
    assert "version=0.0.4" in CONTENT_TYPE
