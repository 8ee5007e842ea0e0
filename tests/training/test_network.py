"""The names and sizes are those of the published network, written out by hand from its code."""

import pytest
import torch

from nearfar.errors import UsageError
from nearfar.training.nets.efficientnet_lite import SCALES, EfficientNetLite, SameConv2d, Variant
from nearfar.training.nets.midas_small import (
    MIDAS_SMALL_INPUT,
    MIDAS_SMALL_OUTPUT,
    MidasSmall,
    count_macs_per_px,
)
from tests.training.networks import random_midas_small, random_pictures

# blocks a stage and their output channels, for width 1.2 and depth 1.4
LITE3_STAGES = ((1, 24), (3, 32), (3, 48), (5, 96), (5, 136), (6, 232), (1, 384))
LITE3_PLACES = (
    "layer1.3",
    "layer1.4",
    "layer2.0",
    "layer3.0",
    "layer3.1",
    "layer4.0",
    "layer4.1",
)
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def _published_names() -> set[str]:
    names = {"pretrained.layer1.0.weight"} | {f"pretrained.layer1.1.{part}" for part in NORM}
    for place, (blocks, _) in zip(LITE3_PLACES, LITE3_STAGES, strict=True):
        first = place == "layer1.3"
        convolutions = ("conv_dw", "conv_pw") if first else ("conv_pw", "conv_dw", "conv_pwl")
        for block in range(blocks):
            prefix = f"pretrained.{place}.{block}"
            names |= {f"{prefix}.{convolution}.weight" for convolution in convolutions}
            names |= {
                f"{prefix}.bn{i}.{part}" for i in range(1, len(convolutions) + 1) for part in NORM
            }
    for level in range(1, 5):
        names.add(f"scratch.layer{level}_rn.weight")
        for part in ("weight", "bias"):
            names.add(f"scratch.refinenet{level}.out_conv.{part}")
            names |= {
                f"scratch.refinenet{level}.resConfUnit{unit}.conv{conv}.{part}"
                for unit in (1, 2)
                for conv in (1, 2)
            }
    return names | {f"scratch.output_conv.{i}.{p}" for i in (0, 2, 4) for p in ("weight", "bias")}


def test_names_are_those_of_the_official_checkpoint() -> None:
    assert set(random_midas_small().state_dict()) == _published_names()


def test_shapes_are_those_of_the_official_checkpoint() -> None:
    state = random_midas_small().state_dict()
    shapes = {
        "pretrained.layer1.0.weight": (32, 3, 3, 3),
        "pretrained.layer1.3.0.conv_dw.weight": (32, 1, 3, 3),
        "pretrained.layer1.4.0.conv_pw.weight": (24 * 6, 24, 1, 1),
        "pretrained.layer2.0.0.conv_dw.weight": (32 * 6, 1, 5, 5),
        "pretrained.layer4.0.5.conv_pwl.weight": (232, 232 * 6, 1, 1),
        "pretrained.layer4.1.0.conv_pwl.weight": (384, 232 * 6, 1, 1),
        "scratch.layer1_rn.weight": (64, 32, 3, 3),
        "scratch.layer4_rn.weight": (512, 384, 3, 3),
        "scratch.refinenet4.resConfUnit1.conv1.weight": (512, 512, 3, 3),
        "scratch.refinenet4.out_conv.weight": (256, 512, 1, 1),
        "scratch.refinenet1.out_conv.weight": (64, 64, 1, 1),
        "scratch.output_conv.0.weight": (32, 64, 3, 3),
        "scratch.output_conv.2.weight": (32, 32, 3, 3),
        "scratch.output_conv.4.weight": (1, 32, 1, 1),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    assert sum(p.numel() for p in random_midas_small().parameters()) == 21_320_545


@pytest.mark.parametrize(("count", "height", "width"), [(1, 64, 96), (3, 32, 32)])
def test_one_value_for_each_pixel_and_none_below_zero(count: int, height: int, width: int) -> None:
    with torch.no_grad():
        depth = random_midas_small()(random_pictures(count, height, width))
    assert depth.shape == (count, height, width)
    assert depth.min() >= 0
    assert depth.std() > 0


@pytest.mark.parametrize(("height", "width"), [(64, 100), (33, 64), (0, 64)])
def test_other_sizes_are_refused(height: int, width: int) -> None:
    with pytest.raises(UsageError, match=f"multiples of 32 px, not {width} x {height}"):
        random_midas_small()(torch.zeros(1, 3, height, width))


def test_the_first_unit_of_the_deepest_fusion_never_runs() -> None:
    network = MidasSmall().eval()
    picture = random_pictures(1, 32, 32)
    with torch.no_grad():
        before = network(picture)
        for parameter in network.scratch.refinenet4.resConfUnit1.parameters():
            parameter.fill_(torch.nan)
        assert torch.equal(network(picture), before)


def test_padding_is_tensorflows() -> None:
    # of an odd number of zeros, the larger half goes to the end
    for kernel, expected in ((3, [3, 3, 3, 2]), (5, [4, 5, 5, 3])):
        convolution = SameConv2d(1, 1, kernel, stride=2)
        with torch.no_grad():
            convolution.weight.fill_(1 / kernel)
            middle = convolution(torch.ones(1, 1, 8, 8))[0, 0, 1]
        assert middle.tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("variant", "channels", "blocks"),
    [
        ("lite0", (24, 40, 112, 320), 16),
        ("lite1", (24, 40, 112, 320), 21),
        ("lite2", (24, 48, 120, 352), 21),
        ("lite3", (32, 48, 136, 384), 24),
        ("lite4", (32, 56, 160, 448), 30),
    ],
)
def test_encoder_widths_and_depths(
    variant: Variant, channels: tuple[int, ...], blocks: int
) -> None:
    encoder = EfficientNetLite(variant).eval()
    with torch.no_grad():
        features = encoder(random_pictures(1, 64, 96))
    assert encoder.channels == channels
    assert [tuple(f.shape[1:]) for f in features] == [
        (channels[i], 64 // step, 96 // step) for i, step in enumerate((4, 8, 16, 32))
    ]
    assert sum(name.endswith("conv_dw.weight") for name in encoder.state_dict()) == blocks
    assert variant in SCALES


def test_macs_are_those_of_the_paper() -> None:
    network = random_midas_small()
    assert count_macs_per_px(network) * 256**2 == pytest.approx(4.6e9, rel=0.01)
    assert not network.training


def test_macs_of_a_network_counted_by_hand() -> None:
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2, padding=1), torch.nn.Conv2d(8, 8, 3, padding=1, groups=4)
    )
    assert count_macs_per_px(network) == (8 * 27 + 8 * 18) / 4
    assert network.training


def test_the_torch_path_is_fed_as_midas_feeds_it() -> None:
    spec = MIDAS_SMALL_INPUT
    assert (spec.width_px, spec.height_px, spec.multiple_of) == (256, 256, 32)
    assert (spec.resize, spec.interpolation) == ("upper_bound", "cubic")
    assert spec.mean == (0.485, 0.456, 0.406)
    assert spec.std == (0.229, 0.224, 0.225)
    assert (MIDAS_SMALL_OUTPUT.zero, MIDAS_SMALL_OUTPUT.interpolation) == ("far", "cubic")
