"""CONTRIBUTING names the files that an addition needs: a toy in these alone appears everywhere."""

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nearfar
from nearfar.io.images import write_image
from tests.contributing.toys import LIBRARY, TOYS, Change
from tests.evaluation.made import write_folder
from tests.fakes import tiny_onnx

ROOT = Path(__file__).parents[2]
PACKAGE = Path(nearfar.__file__).parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
MOST_FILES = 4


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)^## ", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found.group(1)


def doors() -> dict[str, str]:
    """Return what CONTRIBUTING says, by the words in bold."""
    items = re.split(r"^- ", section("Adding things"), flags=re.MULTILINE)[1:]
    found: dict[str, str] = {}
    for item in items:
        parts = re.split(r"\*\*(.+?)\*\*", item)[1:]
        names = [" ".join(name.split()) for name in parts[::2]]
        found |= dict(zip(names, parts[1::2], strict=True))
    return found


def files_named(text: str) -> set[str]:
    return set(re.findall(r"`([\w/.]+(?:/|\.\w+))`", text))


def is_named(file: str, named: set[str]) -> bool:
    """Return whether a file is named, or the folder of a new one."""
    return file in named or (not (PACKAGE / file).exists() and f"{Path(file).parent}/" in named)


def copy_with_toys(folder: Path) -> None:
    """Copy the package, and make the changes of every door."""
    package = folder / "nearfar"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("*.onnx"))
    for weights in (PACKAGE / "models" / "bundled").iterdir():
        (package / "models" / "bundled" / weights.name).symlink_to(weights)
    network = tiny_onnx()
    facts = {"sha256": hashlib.sha256(network).hexdigest(), "size_bytes": str(len(network))}
    for change in [each for changes in TOYS.values() for each in changes]:
        filled(change, facts).apply(package)
    (package / "models" / "bundled" / "toy-model.onnx").write_bytes(network)
    (folder / "network.onnx").write_bytes(network)
    (folder / "toynet.py").write_text(LIBRARY)


def filled(change: Change, facts: dict[str, str]) -> Change:
    lines = change.lines
    for name, value in facts.items():
        lines = lines.replace(f"{{{name}}}", value)
    return replace(change, lines=lines)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process finds in a copy of the package with all toys."""
    for library in ("onnx", "fastapi", "gradio", "av", "soundfile"):
        pytest.importorskip(library)
    folder = tmp_path_factory.mktemp("copy")
    copy_with_toys(folder)
    photo = np.zeros((48, 64, 3), np.uint8)
    photo[:, 32:] = 255
    write_image(photo, folder / "photo.png")
    write_folder(folder / "set", 1)
    own = {
        "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))),
        "NEARFAR_HOME": str(folder / "home"),
        "NEARFAR_CACHE": str(folder / "cache"),
        "COLUMNS": "200",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "tests.contributing.look", folder, folder / "seen.json"],
        env=os.environ | own,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads((folder / "seen.json").read_text("utf-8"))
    assert found["package"] == str(folder / "nearfar" / "__init__.py")
    return found


def parameters(seen: dict[str, Any], path: str, method: str = "post") -> dict[str, Any]:
    rows = seen["http"]["openapi"]["paths"][path][method]["parameters"]
    return {row["name"]: json.dumps(row) for row in rows}


def is_in_docs(seen: dict[str, Any], door: str, *toys: str) -> bool:
    """Return whether a test of the docs misses each toy in the documents that a door names."""
    documents = {each for each in files_named(doors()[door]) if each.startswith("docs/")}
    missed = [each for each in seen["docs"] if any(toy in each for toy in toys)]
    return {document for document in documents if any(document in it for it in missed)} == documents


def test_every_door_has_a_toy() -> None:
    assert doors().keys() == TOYS.keys()


@pytest.mark.parametrize("door", TOYS)
def test_a_toy_needs_only_the_files_that_contributing_names(door: str) -> None:
    changed = {change.file for change in TOYS[door]}
    named = files_named(doors()[door])
    lacking = {file for file in changed if not is_named(file, named)}
    assert not lacking, f"CONTRIBUTING says nothing of {lacking} for a {door}"
    assert len(changed) <= MOST_FILES


def test_a_model_is_listed_and_estimates(seen: dict[str, Any]) -> None:
    assert "toy-model" in seen["command"]["list"]
    assert "toy-model" in {row["name"] for row in seen["http"]["models"]["models"]}
    assert "toy-model" in seen["http"]["page"]
    assert seen["python"]["model"]


def test_a_family_is_declared_and_its_map_is_read(seen: dict[str, Any]) -> None:
    assert "toy-family, minus the inverse depth of a toy" in seen["command"]["add --help"]
    assert "toy-family: minus the inverse depth of a toy" in seen["command"]["add"]
    assert not seen["python"]["family"], "its sign is the other"
    assert is_in_docs(seen, "model with other inputs or outputs", "toy-family")


def test_a_runtime_is_a_choice_and_estimates(seen: dict[str, Any]) -> None:
    assert "toynet" in seen["command"]["estimate --help"]
    assert "toynet" in seen["command"]["doctor"]
    assert seen["python"]["runtime"]
    assert is_in_docs(seen, "runtime", "toynet")


def test_a_device_is_a_choice(seen: dict[str, Any]) -> None:
    assert "toy-device" in seen["command"]["estimate --help"]
    assert "cpu, toy-device" in seen["command"]["doctor"]
    assert is_in_docs(seen, "device", "toy-device")


def test_a_depth_format_is_written_answered_and_read_back(seen: dict[str, Any]) -> None:
    assert "toyfile" in seen["command"]["estimate --help"]
    assert seen["command"]["estimate"].endswith("map.toy")
    assert seen["python"]["read back"]
    assert "toyfile: Toy file, float32" in parameters(seen, "/v1/depth")["format"]
    assert seen["http"]["depth"] == [200, "application/x-toy", "TOY1"]
    assert "nf-get-toyfile" in seen["http"]["page"]
    assert is_in_docs(seen, "depth format", "toyfile")


def test_a_color_map_is_a_choice_everywhere(seen: dict[str, Any]) -> None:
    assert "toy-colors" in seen["command"]["estimate --help"]
    assert "toy-colors" in parameters(seen, "/v1/depth")["colormap"]
    assert "toy-colors" in seen["http"]["page"]
    assert "toy-colors" in seen["http"]["live"]["colormaps"]
    assert "live.colormap.toy-colors" in seen["http"]["live texts"]
    assert seen["python"]["colors"] == [[[0, 0, 255], [255, 0, 0]]]


def test_a_command_is_listed_with_its_examples_and_runs(seen: dict[str, Any]) -> None:
    assert "toycommand Print a word of the toy." in seen["command"]["help"]
    assert "nearfar toycommand hello" in seen["command"]["toycommand --help"]
    assert seen["command"]["toycommand"] == "the toy says hello"


def test_an_effect_is_made_everywhere(seen: dict[str, Any]) -> None:
    assert "toy-effect Invert the toy's colors." in seen["command"]["effect --help"]
    assert "--toy-strength" in seen["command"]["effect toy --help"]
    assert seen["command"]["effect toy"].endswith("effect.png")
    assert "toy_strength" in parameters(seen, "/v1/effects/toy-effect")
    assert "nf-effect-toy-effect-toy_strength" in seen["http"]["page"]
    assert "Strength of the toy" in seen["http"]["page"]
    assert "toy_effect" in seen["python"]["all"]
    assert seen["python"]["parameters"] == ["photo", "depth_map", "toy_strength"]
    assert seen["python"]["inverted"] == [[255, 255, 255], [0, 0, 0]]
    assert is_in_docs(seen, "effect", "toy-effect")


def test_a_tab_is_on_the_page_in_both_languages(seen: dict[str, Any]) -> None:
    assert '"id": "toytab"' in seen["http"]["page"]
    assert '"elem_id": "nf-toy"' in seen["http"]["page"]
    assert "Toys" in seen["http"]["page"]
    assert "玩具" in seen["http"]["page"]


def test_an_endpoint_answers_and_is_in_openapi(seen: dict[str, Any]) -> None:
    assert seen["http"]["toy"] == {"toy": "hello"}
    row = seen["http"]["openapi"]["paths"]["/v1/toy"]["get"]
    assert row["summary"] == "Play with the toy"
    assert "403" in row["responses"], "it refuses foreign hosts as the others do"


def test_an_option_is_a_flag_a_query_a_control_and_a_parameter(seen: dict[str, Any]) -> None:
    assert "--toy-gain" in seen["command"]["estimate --help"]
    assert "Factor of the toy" in seen["command"]["estimate --help"]
    assert '"maximum": 9' in parameters(seen, "/v1/depth")["toy_gain"]
    assert '"elem_id": "nf-toy_gain"' in seen["http"]["page"]
    assert seen["python"]["gain"] == 3


def test_a_metric_is_a_column(seen: dict[str, Any]) -> None:
    assert json.loads(seen["command"]["evaluate"])["toy_error"] > 0
    assert "toy err" in seen["command"]["evaluate as a table"]


def changes() -> list[list[tuple[str, str]]]:
    """Return the files of each row of the table of changes, and the names in each."""
    _, _, *rows = re.findall(r"^\|(.+)\|$", section("Changing things"), re.MULTILINE)
    return [re.findall(r"`([\w/.]+)` \(([^)]+)\)", row) for row in rows]


def test_the_ten_changes_need_four_files_at_most() -> None:
    assert len(changes()) == 10
    assert all(0 < len(row) <= MOST_FILES for row in changes())


@pytest.mark.parametrize(
    ("file", "name"),
    [(file, name) for row in changes() for file, held in row for name in held.split(", ")],
)
def test_what_is_to_be_changed_is_where_contributing_says(file: str, name: str) -> None:
    text, name = (PACKAGE / file).read_text("utf-8"), name.strip("`")
    if not file.endswith(".py"):
        assert f"{name}:" in text
        return
    nodes: list[Any] = ast.parse(text).body
    targets = [each for node in nodes for each in getattr(node, "targets", [node])]
    targets = [getattr(each, "target", each) for each in targets]
    defined = {getattr(each, "id", getattr(each, "name", None)) for each in targets}
    assert name in defined, f"{file} has no {name}"
