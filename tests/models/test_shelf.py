from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from nearfar.errors import ModelMissingError, UnknownModelError, UsageError
from nearfar.models import user_models
from nearfar.models.catalog import AUTO, CATALOG, Purpose
from nearfar.models.registry import ModelRegistry
from tests.models.helpers import add, row


def test_names_are_the_catalogue_and_then_ones_own(store: ModelRegistry, file: Path) -> None:
    for name in ("zoo", "attic"):
        add(store, name, file)
    assert store.names() == ("best", "fair", "base", "attic", "zoo")


def taken(store: ModelRegistry, purpose: Purpose = "photo") -> list[str]:
    """The names that `auto` stands for."""
    return [spec.name for spec in store.candidates("auto", purpose)]


def test_installed_are_best_first(store: ModelRegistry, file: Path) -> None:
    add(store, "attic", file)
    assert [spec.name for spec in store.installed()] == ["base", "attic"]
    store.pull("best")
    assert [spec.name for spec in store.installed()] == ["best", "base", "attic"]


def test_auto_is_the_first_here_in_the_order_of_its_purpose(store: ModelRegistry) -> None:
    assert taken(store, "photo") == taken(store, "stream") == ["base"]
    store.pull("best")
    assert taken(store, "photo") == ["best"]
    assert taken(store, "stream") == ["base"]
    (store.bundled / "base.onnx").unlink()
    assert taken(store, "stream") == ["best"], "the only one that is left"


def test_a_purpose_that_is_none_is_refused(store: ModelRegistry) -> None:
    with pytest.raises(UsageError, match="purpose must be photo or stream, not 'film'"):
        store.candidates("auto", "film")  # type: ignore[arg-type]


def test_auto_is_never_ones_own(store: ModelRegistry, file: Path) -> None:
    add(store, "attic", file)
    (store.bundled / "base.onnx").unlink()
    for purpose in get_args(Purpose):
        with pytest.raises(ModelMissingError, match="nearfar models list"):
            store.candidates("auto", purpose)


def test_auto_may_be_the_same_network_in_int8(store: ModelRegistry, file: Path) -> None:
    add(store, "mine", file)
    assert taken(store) == ["base"]
    *others, base = store.catalog
    small = row("base-int8", b"bas8")
    store.catalog = (*others, replace(base, int8="base-int8"), small)
    assert taken(store) == ["base"], "it is not here"
    (store.bundled / "base-int8.onnx").write_bytes(b"bas8")
    for purpose in get_args(Purpose):
        assert taken(store, purpose) == ["base", "base-int8"]
        for name in ("base", "base-int8", "best", "mine"):
            assert store.candidates(name, purpose) == (store.spec(name),)
    with pytest.raises(UnknownModelError):
        store.candidates("none", "photo")
    store.pull("best")
    assert taken(store) == ["best"]


def test_the_table_names_every_network_of_the_catalogue_for_each_purpose() -> None:
    assert tuple(AUTO) == get_args(Purpose)
    int8 = {row.int8 for row in CATALOG}
    networks = [row.name for row in CATALOG if row.name not in int8]
    for order in AUTO.values():
        known = [name for name in order if name in networks]
        assert sorted(known) == sorted(networks)
        assert len(set(order)) == len(order)
    assert [name for name in AUTO["photo"] if name in networks] == networks, "best first"


def test_the_page_about_models_has_the_table() -> None:
    text = (Path(__file__).parent.parent.parent / "docs" / "models.md").read_text("utf-8")
    for purpose, order in AUTO.items():
        (line,) = (line for line in text.splitlines() if line.startswith(f"| `{purpose}` |"))
        assert line.endswith(f"| {', '.join(f'`{name}`' for name in order)} |")


def test_both_bundled_networks_are_of_one_family_fed_at_two_sizes() -> None:
    rows = {row.name: row for row in CATALOG}
    lite, float_, int8 = (
        rows[name] for name in ("nearfar-lite", "nearfar-base", "nearfar-base-int8")
    )
    assert float_.int8 == int8.name
    side_px = float_.input.width_px
    assert side_px > lite.input.width_px
    assert side_px % lite.input.multiple_of == 0
    for base in (float_, int8):
        assert base.input == replace(lite.input, width_px=side_px, height_px=side_px)
        assert base.output == lite.output


def test_photos_get_the_better_bundled_network_and_streams_the_lighter() -> None:
    assert AUTO["photo"].index("nearfar-base") < AUTO["photo"].index("nearfar-lite")
    assert AUTO["stream"][0] == "nearfar-lite"


def test_int8_rows_are_fed_and_read_as_their_float_ones() -> None:
    rows = {row.name: row for row in CATALOG}
    for big in CATALOG:
        if big.int8:
            small = rows[big.int8]
            assert (small.input, small.output) == (big.input, big.output)
            assert small.int8 is None
            assert CATALOG.index(small) > CATALOG.index(big)


def test_an_unknown_name_is_told_what_is_close(store: ModelRegistry, file: Path) -> None:
    add(store, "kitchen", file)
    with pytest.raises(UnknownModelError, match=r"did you mean kitchen\? nearfar models list"):
        store.spec("kitchn")
    with pytest.raises(UnknownModelError, match="'qqq': nearfar models list"):
        store.spec("qqq")


def test_path_looks_at_the_size(store: ModelRegistry) -> None:
    assert store.path("best") is None
    assert store.path("base") == store.bundled / "base.onnx"
    (store.bundled / "base.onnx").write_bytes(b"bas")
    assert store.path("base") is None


def test_a_store_that_is_not_there_is_empty_and_stays_so(tmp_path: Path) -> None:
    store = ModelRegistry(tmp_path / "none", bundled=tmp_path)
    assert store.names() == tuple(spec.name for spec in CATALOG)
    assert store.installed() == ()
    assert store.damaged() == ()
    assert not store.home.exists()


def test_home_is_the_setting_or_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ModelRegistry().home.name == "nearfar"
    monkeypatch.setenv("NEARFAR_HOME", str(tmp_path))
    assert ModelRegistry().home == tmp_path
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NEARFAR_HOME", "~/depth")
    assert ModelRegistry().home == tmp_path / "depth"


@pytest.mark.parametrize(
    "name", ["../base", "..", ".", "", "/etc/passwd", "a/b", "a\\b", ".hidden", "A", "a\n", "ä"]
)
def test_a_name_is_never_a_path(store: ModelRegistry, file: Path, name: str) -> None:
    outside = store.home / "base"
    outside.mkdir(parents=True)
    add(store, "mine", file)
    (outside / user_models.RECORD).write_bytes(
        (store.home / "models/mine" / user_models.RECORD).read_bytes()
    )
    for look in (store.spec, store.path, store.read, store.verify, store.pull, store.remove):
        with pytest.raises(UnknownModelError):
            look(name)
    with pytest.raises(UsageError, match="can't be a model's name"):
        add(store, name, file)
