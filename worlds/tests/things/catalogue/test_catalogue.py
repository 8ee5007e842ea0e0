from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from worlds.tests.extent import ends
from worlds.tests.things.catalogue.cubes import CORNERS, listed, write
from worlds.things.catalogue.catalogue import Catalogue

if TYPE_CHECKING:
    from pathlib import Path


def test_a_model_has_its_listed_size_and_stands_with_its_back_at_the_wall(tmp_path: Path) -> None:
    catalogue = Catalogue(write(tmp_path, [listed(1, "Cupboard", "Bedroom", "a/cube.obj")]))
    (entry,) = catalogue.roles["cupboard"]
    low, high = ends(part.solid for part in catalogue.parts(entry))
    assert low.tolist() == pytest.approx([-0.3, 0, 0])
    assert high.tolist() == pytest.approx([0.3, 0.8, 0.5])


def test_glass_is_left_out_and_the_printed_side_faces_the_room(tmp_path: Path) -> None:
    catalogue = Catalogue(write(tmp_path, [listed(1, "Cupboard", "Bedroom", "a/cube.obj")]))
    red, printed = catalogue.parts(catalogue.roles["cupboard"][0])
    assert red.picture is None
    assert red.solid.color.tolist() == pytest.approx([1, 0.004, 0.004])
    assert printed.picture is not None
    assert printed.picture[10, 10].tolist() == [1, 1, 255]
    assert printed.picture[-10, 10].tolist() == [0, 0, 0]
    assert printed.solid.cutout
    assert np.allclose(printed.solid.triangles[..., 2], 0.5)
    assert np.allclose(printed.solid.normals, [0, 0, 1])


def test_a_listed_rotation_stands_a_model_up(tmp_path: Path) -> None:
    turn = "modelRotation=1 0 0 0 0 1 0 -1 0"
    catalogue = Catalogue(write(tmp_path, [listed(1, "Cupboard", "Bedroom", "a/cube.obj", turn)]))
    _, printed = catalogue.parts(catalogue.roles["cupboard"][0])
    assert np.allclose(printed.solid.normals, [0, 1, 0])


def test_doors_and_what_belongs_outdoors_are_not_offered(tmp_path: Path) -> None:
    lines = [
        listed(1, "Cupboard", "Bedroom", "a/cube.obj"),
        listed(2, "Cupboard", "Bedroom", "a/cube.obj", "doorOrWindow=true"),
        listed(3, "Truck", "Vehicles", "a/cube.obj"),
        listed(4, "Cupboard", "Bedroom", "a/missing.obj"),
    ]
    catalogue = Catalogue(write(tmp_path, lines))
    assert [len(entries) for entries in catalogue.roles.values()] == [1]


def test_a_broken_model_is_skipped_with_a_warning_and_never_chosen(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"a/broken.obj": CORNERS + "f 1 2 99\n"}
    lines = [listed(1, "Cupboard", "Bedroom", "a/broken.obj")]
    catalogue = Catalogue(write(tmp_path, lines, files))
    with pytest.warns(UserWarning, match=r"a/broken\.obj .* does not have; mend or remove"):
        assert catalogue.parts(catalogue.roles["cupboard"][0]) == []
    assert catalogue.chosen(np.random.default_rng(1), "cupboard") is None


def test_a_file_that_is_no_catalogue_is_skipped_with_a_warning(tmp_path: Path) -> None:
    write(tmp_path, [listed(1, "Cupboard", "Bedroom", "a/cube.obj")])
    (tmp_path / "a.sh3f").write_bytes(b"no zip")
    with pytest.warns(UserWarning, match=r"a\.sh3f is skipped"):
        assert len(Catalogue(tmp_path).roles["cupboard"]) == 1


def test_a_folder_without_catalogues_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no \.sh3f"):
        Catalogue(tmp_path)


def test_only_so_many_models_are_held(tmp_path: Path) -> None:
    lines = [listed(number, "Cupboard", "Bedroom", "a/cube.obj") for number in (1, 2)]
    lines[1] = lines[1].replace("width#2=60", "width#2=70")
    catalogue = Catalogue(write(tmp_path, lines), kept=1)
    one, two = catalogue.roles["cupboard"]
    first = catalogue.parts(one)
    assert catalogue.parts(one) is first
    catalogue.parts(two)
    assert catalogue.parts(one) is not first
