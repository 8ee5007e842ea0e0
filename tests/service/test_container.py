"""The Dockerfile and compose.yaml: what they promise, and that the steps work."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from nearfar.service.settings import ServiceOptions
from tests.service.served import until

ROOT = Path(__file__).parent.parent.parent


def steps() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, each with its arguments on one line."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [each.partition(" ") for each in text.splitlines() if each]
    return [(name, rest.strip()) for name, _, rest in lines]


def settings() -> dict[str, str]:
    """Return the environment of the image."""
    rows = (shlex.split(rest) for name, rest in steps() if name == "ENV")
    return dict(each.split("=", 1) for row in rows for each in row)


def test_the_image_is_served_to_the_outside_by_a_user_without_rights() -> None:
    (user,) = (rest for name, rest in steps() if name == "USER")
    assert all(int(each) > 0 for each in user.split(":"))
    options = ServiceOptions.from_environment(settings())
    assert options.host == "0.0.0.0"  # noqa: S104 - inside the container
    assert ("EXPOSE", str(options.port)) in steps()
    names = [name for name, _ in steps()]
    assert names.index("USER") < names.index("ENTRYPOINT")


def test_the_image_is_built_of_pinned_packages_and_keeps_no_cache() -> None:
    for name, rest in steps():
        if name == "FROM":
            assert rest.startswith("python:3.11-slim")
        if name == "RUN" and "pip install" in rest:
            assert "--no-cache-dir" in rest
            assert "--constraint requirements/constraints.txt" in rest
        if name == "RUN":
            assert "&&" not in rest, "one step is for one concern"
    assert "://" not in "".join(rest for name, rest in steps() if name == "RUN")


def test_only_what_is_copied_is_sent_to_the_daemon() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    sent = {each[1:] for each in lines if each.startswith("!")}
    copied = set()
    for name, rest in steps():
        if name == "COPY" and not rest.startswith("--from"):
            copied |= {each.rstrip("/") for each in rest.split()[:-1]}
    assert sent == copied
    assert all((ROOT / each).exists() for each in copied)


def test_compose_needs_no_right_and_writes_to_memory_alone() -> None:
    service: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    row = service["nearfar"]
    assert row["read_only"] is True
    assert row["cap_drop"] == ["ALL"]
    assert row["security_opt"] == ["no-new-privileges:true"]
    assert [each.partition(":")[0] for each in row["tmpfs"]] == [settings()["TMPDIR"]]
    assert row["ports"] == [f"127.0.0.1:{settings()['NEARFAR_SERVE_PORT']}:7860"]
    options = {f"NEARFAR_SERVE_{each.upper()}" for each in ServiceOptions().values()}
    assert set(row["environment"]) <= options


def _run(command: str, folder: Path, placed: dict[str, str]) -> None:
    for there, here in placed.items():
        command = command.replace(there, here)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    subprocess.run(["sh", "-ec", command], cwd=folder, env=environment, check=True, timeout=3000)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the image is Linux")
def test_the_steps_make_a_service_that_answers(tmp_path: Path) -> None:
    """Run the Dockerfile's steps in a folder, and its health check at the service they make."""
    build, installed = tmp_path / "build", tmp_path / "nearfar"
    build.mkdir()
    placed = {"/opt/nearfar": str(installed)}
    for name, rest in steps():
        if name == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            for source in sources:
                into = build / target if target.endswith("/") or target == "./" else None
                to = into / Path(source).name if into else build / target
                to.parent.mkdir(parents=True, exist_ok=True)
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, to)
        if name == "RUN":
            _run(rest, build, placed)
    shutil.rmtree(build)
    installed_files = _files(installed)
    (nowhere := tmp_path / "empty").mkdir()
    environment = {
        name: value.replace("/opt/nearfar", str(installed)).replace("$PATH", os.environ["PATH"])
        for name, value in settings().items()
        if name not in {"TMPDIR", "NEARFAR_SERVE_HOST"}
    }
    # nobody can write there, not even root; HOME and TMPDIR are unset
    environment |= {"NEARFAR_CACHE": "/dev/null/cache", "NEARFAR_HOME": "/dev/null/models"}
    environment["NEARFAR_SERVE_PORT"] = "0"
    (entry,) = (json.loads(rest) for name, rest in steps() if name == "ENTRYPOINT")
    (command,) = (json.loads(rest) for name, rest in steps() if name == "CMD")
    log = tmp_path / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [installed / "bin" / entry[0], *entry[1:], *command],
            env=environment,
            cwd=nowhere,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"nearfar is at (http://127\.0\.0\.1:\d+) ", line)
        assert found, line + log.read_text("utf-8")
        (check,) = (rest for name, rest in steps() if name == "HEALTHCHECK")
        words = json.loads(check.partition("CMD ")[2])
        words = [each.replace("http://127.0.0.1:7860", found[1]) for each in words]
        words[0] = str(installed / "bin" / words[0])
        subprocess.run(words, env=environment, check=True, timeout=60)
        until(lambda: httpx.get(f"{found[1]}/readyz", timeout=60).status_code == 200)
        assert "nearfar" in httpx.get(f"{found[1]}/", timeout=60).text
        assert httpx.get(f"{found[1]}/docs", timeout=60).status_code == 200
        photo = (ROOT / "examples" / "street.jpg").read_bytes()
        answer = httpx.post(f"{found[1]}/v1/depth", content=photo, timeout=60)
        assert answer.status_code == 200, answer.text
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(60)
        assert process.stdout is not None
        process.stdout.close()
    assert status == 0
    assert not any(nowhere.iterdir())
    assert _files(installed) == installed_files, "it works without writing where it is installed"


def _files(folder: Path) -> set[tuple[str, int]]:
    """Return files with their times, but for one: Gradio keeps a random number, where it can."""
    files = (each for each in folder.rglob("*") if each.is_file() and each.name != "hash_seed.txt")
    return {(str(each), each.stat().st_mtime_ns) for each in files}
