from nearfar.io.images import read_image
from nearfar.web.examples import NAMES, available, credits_, example, example_clip, thumbnails_css
from nearfar.web.i18n.texts import TEXTS


def test_every_example_is_there_with_its_licence() -> None:
    assert available() == NAMES
    assert {credit.name for credit in credits_()} == {*NAMES, "clip"}
    for credit in credits_():
        assert credit.by
        assert credit.licence
        assert f"photo.example.{credit.name}" in TEXTS


def test_examples_are_photos() -> None:
    for name in NAMES:
        path = example(name)
        assert path is not None
        assert min(read_image(path).shape[:2]) >= 300


def test_no_other_file_is_an_example() -> None:
    assert example("../README") is None
    assert example("CREDITS") is None
    clip = example_clip()
    assert clip is not None
    assert clip.stat().st_size < 200_000


def test_thumbnails_are_in_the_style_sheet() -> None:
    style = thumbnails_css()
    assert style.count("data:image/jpeg;base64,") == len(NAMES)
    assert len(style) < 100_000
