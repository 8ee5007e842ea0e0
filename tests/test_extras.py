"""Optional libraries are asked for by name."""

import builtins
import sys
from pathlib import Path

import pytest

from nearfar import optional
from nearfar.errors import MissingExtraError


def test_installed_library_is_given() -> None:
    assert optional.require("onnx").__name__ == "onnx"


@pytest.mark.parametrize(("module", "extra"), optional.EXTRA_OF.items())
def test_missing_library_names_its_pip_line(
    module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'nearfar\[{extra}\]'"):
        optional.require(module)


def test_broken_library_keeps_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openvino.py").write_text("import no_such_part_of_it\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "openvino"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModuleNotFoundError, match="no_such_part_of_it") as caught:
        optional.require("openvino")
    assert not isinstance(caught.value, MissingExtraError)
    assert builtins.ImportError in MissingExtraError.__mro__
