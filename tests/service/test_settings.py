"""Settings come from options or the environment, and a wrong one is named."""

from dataclasses import fields

import pytest
from pydantic import TypeAdapter

from nearfar.config import ImageLimits
from nearfar.errors import UsageError
from nearfar.runtimes import cpu
from nearfar.service.settings import PREFIX, ServiceOptions


def test_defaults_are_safe() -> None:
    options = ServiceOptions()
    assert options.host == "127.0.0.1"
    assert options.is_local
    assert options.port == 7860
    assert options.token is None
    assert options.origins == ()
    assert options.worker_count == cpu.physical()
    assert options.limits == ImageLimits(max_pixels=50_000_000, max_bytes=32 * 2**20)


def test_environment_sets_every_option() -> None:
    texts = {
        "host": "0.0.0.0",  # noqa: S104 - read, not listened on
        "port": "8080",
        "token": "let-me-in",
        "model": "midas-small",
        "runtime": "openvino",
        "device": "intel-gpu",
        "workers": "3",
        "threads": "2",
        "queue": "0",
        "per_client": "5",
        "max_bytes": "1000",
        "max_pixels": "2000",
        "upload_timeout_s": "3",
        "timeout_s": "4.5",
        "connections": "99",
        "head_bytes": "4096",
        "head_timeout_s": "5",
        "read_timeout_s": "6",
        "unread_bytes": "7000",
        "unread_bytes_per_client": "700",
        "drain_s": "0",
        "streams": "6",
        "stream_fps": "30",
        "clips": "2",
        "clip_queue": "3",
        "clips_per_client": "1",
        "clip_bytes": "4000",
        "clip_pixels": "5000",
        "clip_frames": "60",
        "clip_upload_timeout_s": "7",
        "clip_patience_s": "8",
        "clip_keep_s": "9",
        "clip_disk_bytes": "10000",
        "allowed_hosts": "a.example, B.example",
        "root_path": "/photos/depth",
        "tls": "True",
        "tls_cert": "cert.pem",
        "tls_key": "key.pem",
        "cors_origins": "https://a.example, https://b.example",
    }
    assert set(texts) == {each.name for each in fields(ServiceOptions)}
    environ = {PREFIX + name.upper(): text for name, text in texts.items()}
    options = ServiceOptions.from_environment({**environ, "PATH": "/bin", "NEARFAR_HOME": "/x"})
    for name, value in options.values().items():
        assert str(value) in {texts[name], f"{texts[name]}.0"}
    assert options.origins == ("https://a.example", "https://b.example")
    assert options.worker_count == 3
    assert not options.is_local


def test_what_is_given_wins_over_the_environment() -> None:
    environ = {"NEARFAR_SERVE_PORT": "8080", "NEARFAR_SERVE_QUEUE": "7"}
    options = ServiceOptions.from_environment(environ, port=9090)
    assert (options.port, options.queue) == (9090, 7)
    broken = {"NEARFAR_SERVE_PORT": "a harbour"}
    assert ServiceOptions.from_environment(broken, port=9090).port == 9090


def test_environment_of_this_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARFAR_SERVE_STREAMS", "3")
    assert ServiceOptions.from_environment().streams == 3


@pytest.mark.parametrize(
    ("variable", "text", "sentence"),
    [
        ("PORT", "a harbour", "NEARFAR_SERVE_PORT: port must be a whole number, not 'a harbour'"),
        ("PORT", "", "NEARFAR_SERVE_PORT: port must be a whole number, not ''"),
        ("PORT", "70000", "NEARFAR_SERVE_PORT: port must be at most 65535, not 70000"),
        ("WORKERS", "0", "NEARFAR_SERVE_WORKERS: workers must be at least 1, not 0"),
        (
            "TIMEOUT_S",
            "nan",
            "NEARFAR_SERVE_TIMEOUT_S: timeout_s must be more than 0 and at most 86400, not nan",
        ),
        ("TIMEOUT_S", "inf", "NEARFAR_SERVE_TIMEOUT_S: timeout_s must be at most 86400, not inf"),
        (
            "RUNTIME",
            "magic",
            "NEARFAR_SERVE_RUNTIME: runtime must be auto, onnxruntime or openvino",
        ),
        ("ROOT_PATH", "depth/", "NEARFAR_SERVE_ROOT_PATH: root_path must be like /depth"),
        ("TLS", "perhaps", "NEARFAR_SERVE_TLS: tls must be"),
        ("TOKEN", "", "NEARFAR_SERVE_TOKEN: token must not be empty"),
        ("TOKN", "secret", "NEARFAR_SERVE_TOKN: no such setting: there are NEARFAR_SERVE_HOST,"),
    ],
)
def test_wrong_variable_is_named(variable: str, text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        ServiceOptions.from_environment({PREFIX + variable: text})
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("token", ["", " ", "two words", "schlüssel", "a\nb"])
def test_token_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match="token must") as caught:
        ServiceOptions(token=token)
    assert not token.strip() or token not in str(caught.value)


def test_token_is_not_shown() -> None:
    options = ServiceOptions(token="let-me-in")  # noqa: S106 - of a test
    assert "let-me-in" not in repr(options)


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - read, not listened on
        ("::", False),
        ("192.168.1.5", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_who_can_reach_it(host: str, is_local: bool) -> None:
    assert ServiceOptions(host=host).is_local is is_local


def test_every_setting_has_a_sentence_and_a_schema() -> None:
    properties = TypeAdapter(ServiceOptions).json_schema()["properties"]
    for each in fields(ServiceOptions):
        assert each.metadata["help"].endswith(".")
        assert properties[each.name]["description"] == each.metadata["help"]
