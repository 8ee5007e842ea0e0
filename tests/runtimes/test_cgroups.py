"""Quotas of control groups, of both versions and of groups within groups."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nearfar.runtimes import cpu

V2 = "{folder} rw - cgroup2 cgroup2 rw"
V1 = "{folder} rw - cgroup cgroup rw,cpu,cpuacct"


def proc(folder: Path, groups: str, *mounts: str) -> Path:
    (folder / "cgroup").write_text(groups)
    lines = [f"{at} 1 0:{at} {mount}" for at, mount in enumerate(mounts)]
    (folder / "mountinfo").write_text("20 1 0:20 / / rw - ext4 /dev/sda rw\n" + "\n".join(lines))
    return folder


def v2(folder: Path, content: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(content + "\n")


def v1(folder: Path, content: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    limit, period = content.replace("max", "-1").split()
    (folder / "cpu.cfs_quota_us").write_text(limit + "\n")
    (folder / "cpu.cfs_period_us").write_text(period + "\n")


Kind = tuple[str, str, Callable[[Path, str], None]]
KINDS: list[Kind] = [(V2, "0::", v2), (V1, "4:cpu,cpuacct:", v1)]


@pytest.mark.parametrize("kind", KINDS, ids=["v2", "v1"])
@pytest.mark.parametrize(
    ("content", "processors"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1)],
)
def test_a_container_has_what_it_was_given(
    tmp_path: Path, kind: Kind, content: str, processors: int
) -> None:
    mount, line, write = kind
    tree = tmp_path / "tree"
    write(tree, content)
    place = proc(tmp_path, f"1:name=systemd:/\n{line}/\n", "/ " + mount.format(folder=tree))
    assert cpu.quota(8, place) == processors


@pytest.mark.parametrize("kind", KINDS, ids=["v2", "v1"])
def test_the_least_limit_of_nested_groups_holds(tmp_path: Path, kind: Kind) -> None:
    mount, line, write = kind
    tree = tmp_path / "tree"
    write(tree / "pods/one/box", "max 100000")
    write(tree / "pods/one", "300000 100000")
    write(tree / "pods", "600000 100000")
    write(tree / "pods/other", "100000 100000")
    place = proc(tmp_path, f"{line}/pods/one/box\n", "/ " + mount.format(folder=tree))
    assert cpu.quota(8, place) == 3


@pytest.mark.parametrize("kind", KINDS, ids=["v2", "v1"])
def test_a_tree_that_is_mounted_in_part_is_read_from_there(tmp_path: Path, kind: Kind) -> None:
    mount, line, write = kind
    tree = tmp_path / "tree"
    write(tree, "200000 100000")
    write(tree / "box", "500000 100000")
    inside = proc(tmp_path, f"{line}/docker/7f/box\n", "/docker/7f " + mount.format(folder=tree))
    assert cpu.quota(8, inside) == 2
    outside = proc(tmp_path, f"{line}/elsewhere\n", "/docker/7f " + mount.format(folder=tree))
    assert cpu.quota(8, outside) == 2


def test_groups_of_other_things_limit_nothing(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    v1(tree, "100000 100000")
    memory = f"/ {tree} rw - cgroup cgroup rw,memory"
    assert cpu.quota(8, proc(tmp_path, "4:memory:/\n", memory)) == 8
    cpuset = f"/ {tree} rw - cgroup cgroup rw,cpuset"
    assert cpu.quota(8, proc(tmp_path, "4:cpuset:/\n", cpuset)) == 8


def test_what_can_not_be_read_limits_nothing(tmp_path: Path) -> None:
    assert cpu.quota(8, tmp_path) == 8
    (tmp_path / "cgroup").write_text("nonsense\n")
    (tmp_path / "mountinfo").write_text("nonsense\n")
    assert cpu.quota(8, tmp_path) == 8
    tree = tmp_path / "tree"
    v2(tree, "?")
    assert cpu.quota(8, proc(tmp_path, "0::/\n", "/ " + V2.format(folder=tree))) == 8
