"""What a bare `import nearfar` costs."""

import subprocess
import sys
from types import ModuleType

import pytest

import nearfar

HEAVY = ("torch", "onnxruntime", "openvino", "gradio", "fastapi", "ray", "cv2", "PIL", "pydantic")


def test_import_is_light() -> None:
    script = f"import nearfar, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_loading_a_model_asks_for_one_runtime_only() -> None:
    script = (
        "import nearfar, sys; nearfar.load(runtime='onnxruntime');"
        "print([name for name in ('torch', 'openvino', 'onnx', 'rich', 'requests')"
        " if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted({*nearfar.__all__} - {"__version__"}))
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(nearfar, name)
    assert (value.__name__ if isinstance(value, ModuleType) else value.__module__).startswith(
        "nearfar."
    )
    assert name in dir(nearfar)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nearfar.nothing
