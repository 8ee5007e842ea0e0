import importlib.util
import json
from pathlib import Path

import pytest

from nearfar.cli import doctor as command
from nearfar.cli.doctor import doctor, without_secrets
from nearfar.models.catalog import AUTO
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import InputSpec
from nearfar.runtimes import autotune, cpu, table, telemetry
from nearfar.runtimes.autotune_cache import Candidate, Cost, Measurements
from tests.fakes import tiny_onnx
from tests.stores import bundled_store, two_networks


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NEARFAR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "cache"))


Report = dict[str, dict[str, str]]


def report(capsys: pytest.CaptureFixture[str], status: int) -> tuple[Report, list[str]]:
    assert doctor(json_lines=True) == status
    tree = json.loads(capsys.readouterr().out)
    todo = tree.pop("todo")
    assert tree.pop("right") == (status == 0) == (not todo)
    return tree, todo


def of_photos(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What is told of photos, but for the sentence that says what counts as such."""
    told = report(capsys, 0)[0]["auto, photo"]
    told.pop("for")
    return told


def test_a_fresh_machine_is_all_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree, _ = report(capsys, 0)
    assert list(tree) == [
        *(
            "machine",
            "libraries",
            "extras",
            "folders",
            "devices",
            "models",
            "auto, photo",
            "auto, stream",
            "environment",
        )
    ]
    assert tree["models"]["nearfar-lite"].startswith("bundled, ")
    assert tree["devices"]["onnxruntime"].split(", ")[0] == "cpu"
    assert tree["models"]["midas-small"] == "absent: nearfar models pull midas-small (67 MB)"
    assert tree["auto, stream"]["model"].startswith("nearfar-lite")
    assert tree["auto, photo"]["model"].startswith("nearfar-")
    assert tree["auto, photo"]["order"].startswith(
        "the first here of depth-anything-v2-small (not here), midas-small (not here), nearfar-"
    )
    assert "effect" in tree["auto, photo"]["for"]
    assert "live" in tree["auto, stream"]["for"]
    assert set(tree["libraries"]) == {"onnxruntime", "OpenCV", "Pillow"}
    assert "made when needed" in tree["folders"]["cache"]
    assert list(tmp_path.iterdir()) == []
    assert doctor() == 0
    assert capsys.readouterr().out.endswith("\nall right\n")


def test_extras_that_are_absent_have_their_pip_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    tree, _ = report(capsys, 0)
    assert tree["extras"]["openvino"] == "not installed: pip install 'nearfar[openvino]'"
    assert tree["extras"]["pillow_heif"] == "not installed: pip install 'nearfar[heif]'"
    for purpose in AUTO:
        assert tree[f"auto, {purpose}"]["runtime"].startswith("onnxruntime")


def test_what_was_measured_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = bundled_store(tmp_path)
    monkeypatch.setattr(command, "ModelRegistry", lambda: store)
    monkeypatch.setattr(table, "available", lambda: ("onnxruntime", "openvino"))
    monkeypatch.setattr(cpu, "physical", lambda: 4)
    known: dict[tuple[int | None, int], Measurements] = {}
    monkeypatch.setattr(
        autotune,
        "remembered",
        lambda *_, threads=None, expected_photos: known.get((threads, expected_photos)),
    )
    always = {"order": "the first here of lite"}
    assert of_photos(capsys) == always | {
        "model": "lite or lite-int8: measured when it is first used",
        "runtime": "onnxruntime or openvino: measured when it is first used",
    }
    known[None, 1] = Measurements(
        {
            Candidate("lite", "onnxruntime"): Cost(20.04, 400),
            Candidate("lite-int8", "openvino"): Cost(10.0, 300),
        }
    )
    because = (
        "lite in onnxruntime 20.0 ms, the first 400 ms,"
        " lite-int8 in openvino 10.0 ms, the first 300 ms"
    )
    told = always | {"model": "lite-int8", "runtime": "openvino", "because": because}
    assert of_photos(capsys) == told
    known[1, autotune.MANY_PHOTOS] = Measurements({Candidate("lite", "onnxruntime"): Cost(30.0)})
    told["with one thread"] = "lite in onnxruntime, because lite in onnxruntime 30.0 ms"
    assert of_photos(capsys) == told
    monkeypatch.setattr(cpu, "physical", lambda: 1)
    assert "with one thread" not in of_photos(capsys)


def test_each_purpose_has_its_model_and_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = two_networks(tmp_path)
    monkeypatch.setattr(command, "ModelRegistry", lambda: store)
    monkeypatch.setattr(table, "available", lambda: ("onnxruntime",))
    tree, _ = report(capsys, 0)
    assert tree["auto, photo"]["model"] == "base"
    assert tree["auto, photo"]["order"] == "the first here of fine (not here), base, lite"
    assert tree["auto, stream"]["model"] == "lite"
    assert tree["auto, stream"]["order"] == "the first here of lite, base, fine (not here)"
    assert doctor() == 0
    assert "auto, stream\n  model                    lite\n" in capsys.readouterr().out


def test_a_damaged_model_is_to_be_seen_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.onnx"
    file.write_bytes(tiny_onnx())
    store = ModelRegistry()
    store.add("mine", file, input=InputSpec(64, 64, 32, "stretch"))
    assert "installed" in report(capsys, 0)[0]["models"]["mine"]
    path = store.path("mine")
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[::-1])
    tree, todo = report(capsys, 1)
    assert tree["models"]["mine"] == "broken"
    assert len(todo) == 1
    assert doctor() == 1
    assert f"  1. {todo[0]}\n" in capsys.readouterr().out


def test_a_damaged_record_is_to_be_seen_to(capsys: pytest.CaptureFixture[str]) -> None:
    folder = ModelRegistry().home / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text("{")
    assert "mine" in report(capsys, 1)[1][0]


def test_a_lost_bundled_model_is_to_be_seen_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "ModelRegistry", lambda: ModelRegistry(bundled=tmp_path / "none"))
    tree, todo = report(capsys, 1)
    assert tree["models"]["nearfar-lite"] == "lost"
    for purpose in AUTO:
        assert tree[f"auto, {purpose}"]["model"] == "none"
    assert "reinstall nearfar" in todo[0]


def test_folders_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cache").touch()  # a file where the folder should be
    tree, todo = report(capsys, 1)
    assert tree["folders"]["cache"].endswith("can't be written")
    assert "set NEARFAR_CACHE" in todo[0]


def test_a_full_disk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ENOUGH_BYTES", 10**30)
    assert report(capsys, 1)[1][0].startswith("make room on the disk of")


def test_a_broken_library(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ImportError("libonnx.so:\ncannot open shared object file")

    monkeypatch.setattr(telemetry, "onnxruntime", broken)
    _, todo = report(capsys, 1)
    assert todo == ["reinstall onnxruntime: libonnx.so: cannot open shared object file"]


def test_settings_are_told_without_their_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEARFAR_MIRROR", "https://mirror.example/models?token=secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:sec@ret@proxy.example:3128")
    monkeypatch.setenv("NEARFAR_OFFLINE", "1")
    monkeypatch.setenv("SOMETHING_ELSE", "secret")
    tree, _ = report(capsys, 0)
    assert tree["environment"].pop("NEARFAR_HOME")
    assert tree["environment"].pop("NEARFAR_CACHE")
    assert tree["environment"] == {
        "HTTPS_PROXY": "http://***@proxy.example:3128",
        "NEARFAR_MIRROR": "https://mirror.example/models?***",
        "NEARFAR_OFFLINE": "1",
    }


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("user:pass@host:3128", "***@host:3128"),
        ("us/er:p/ss@host:3128", "***@host:3128"),
        ("socks5h://u:p@h/x?a=b@c", "socks5h://***@c"),
        ("http://host/", "http://host/"),
        ("localhost,127.0.0.1", "localhost,127.0.0.1"),
    ],
)
def test_secrets_are_hidden(address: str, shown: str) -> None:
    assert without_secrets(address) == shown
