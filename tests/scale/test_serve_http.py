# ruff: noqa: F401 - tests that are imported are collected here again
"""The tests of the single process, over HTTP and WebSocket, against two replicas on Ray Serve."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.scale.filenetwork import FileNetwork
from tests.scale.onray import OnRay, occupied, until
from tests.service.served import assert_problem
from tests.service.test_http import (
    test_accept_and_format_over_http,
    test_answer_is_named_after_the_photo,
    test_bad_options_are_named,
    test_bad_points_are_refused,
    test_damaged_forms_are_refused,
    test_every_format_holds_the_map,
    test_form_and_bare_body_are_answered_alike,
    test_forms_of_other_fields_are_refused,
    test_headers_say_who_answered_and_where_the_time_went,
    test_health,
    test_models_are_listed,
    test_probe_gives_metres_when_two_points_are_known,
    test_probe_reads_points,
    test_unknown_model_is_refused,
    test_what_is_no_picture_is_refused,
    test_wrong_paths_and_methods_are_problems,
)
from tests.service.test_http_load import (
    dialled,
    head_of,
    status_of,
    test_client_that_does_not_read_does_not_block_others,
    test_client_that_leaves_in_its_upload_gives_its_place_back,
    test_many_at_once_are_all_answered,
    test_model_error_reaches_the_caller_and_next_request_succeeds,
    test_slow_client_does_not_block_others,
    test_whatever_a_model_raises_the_service_lives_on,
)
from tests.service.test_security import (
    test_cors_is_closed,
    test_nothing_is_fetched_by_url,
    test_websocket_of_another_site_is_refused,
)
from tests.service.test_stream import (
    test_a_frame_comes_back_as_a_map,
    test_formats,
    test_frames_are_numbered_and_the_scene_goes_on,
)

ROOM = 2 * (1 + 8)
"""Of two replicas with one worker and eight places each."""


def test_no_process_of_it_can_be_reached_from_elsewhere(service: OnRay) -> None:
    family = psutil.Process(service.popen.pid)
    ports = {
        (link.laddr.ip, link.laddr.port)
        for each in [family, *family.children(recursive=True)]
        for link in each.net_connections("inet")
        if link.status == psutil.CONN_LISTEN
    }
    assert ("127.0.0.1", service.port) in ports
    assert {ip for ip, _ in ports} <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_every_replica_is_in_one_scrape(service: OnRay, photo: bytes) -> None:
    before = service.counted("nearfar_stage_seconds_count")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: service.depth(photo).status_code, range(12)))
    assert answers == [200] * 12
    # a job is counted once its answer is given
    until(lambda: service.counted("nearfar_stage_seconds_count") >= before + 5 * 12)
    text = service.client.get("/metrics").text
    named = {part.partition('"')[0] for part in text.split('replica="')[1:]}
    assert len(named) == 2
    assert text.count("# TYPE nearfar_requests_total counter") == 1


def test_full_replicas_answer_429(service: OnRay, network: FileNetwork, photo: bytes) -> None:
    with ThreadPoolExecutor(30) as pool:
        network.hold()
        asked = [pool.submit(service.depth, photo) for _ in range(30)]
        network.wait_until_held(2)
        until(lambda: sum(each.done() for each in asked) >= 30 - ROOM)
        assert service.client.get("/healthz").status_code == 200
        refused = [each.result() for each in asked if each.done()]
        network.let_go()
        answers = [each.result().status_code for each in asked]
    for answer in refused:
        assert_problem(answer, 429, "queue-full")
        assert int(answer.headers["retry-after"]) >= 1
    # Serve may send a request to a replica that has just filled up, so not all room is used
    assert set(answers) == {200, 429}
    assert ROOM // 2 <= answers.count(200) <= ROOM
    assert service.depth(photo).status_code == 200


def test_what_keeps_its_users_state_is_not_there(service: OnRay) -> None:
    assert "`nearfar serve` without Ray" in service.client.get("/").text
    assert_problem(service.client.get("/v1/videos/x"), 404, "not-found")
    assert "/v1/videos" not in service.client.get("/openapi.json").json()["paths"]


def test_serves_own_paths_are_closed(service: OnRay) -> None:
    assert service.client.get("/-/healthz").status_code == 200
    assert_problem(service.client.get("/-/routes"), 404, "not-found")


@pytest.mark.parametrize("header", ["X-Request-Id", "X-Request-Timeout-Seconds"])
def test_clients_do_not_steer_serve(service: OnRay, photo: bytes, header: str) -> None:
    answer = service.client.post("/v1/depth", content=photo, headers={header: "0.000001"})
    assert answer.status_code == 200
    assert len(answer.headers["x-request-id"]) == 16
    assert answer.headers["x-request-id"] != "0.000001"


def test_forwarded_headers_are_not_believed(service: OnRay, folder: Path) -> None:
    answer = service.client.get("/healthz", headers={"X-Forwarded-For": "192.0.2.7"})
    sought = f'"request_id": "{answer.headers["x-request-id"]}", "client": "127.0.0.1"'
    until(lambda: sought in (folder / "log").read_text())


def test_client_that_leaves_costs_nothing(
    service: OnRay, network: FileNetwork, photo: bytes
) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = occupied(service, network, pool, photo)
        before, waiting = network.calls, service.waiting
        with dialled(service) as line:
            line.sendall(head_of(len(photo)) + photo)
            until(lambda: service.waiting == waiting + 1)
        until(lambda: service.waiting == waiting)
        network.let_go()
        assert {each.result().status_code for each in taken} == {200}
        assert service.depth(photo).status_code == 200
        assert network.calls == before + waiting + 1


def test_too_large_a_body_is_refused_unread(service: OnRay, photo: bytes) -> None:
    with dialled(service) as line:
        line.sendall(head_of(10**12))
        assert status_of(line) == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(33):
            yield bytes(2**20)

    assert_problem(service.client.post("/v1/depth", content=pieces()), 413, "too-large")
    assert service.depth(photo).status_code == 200
