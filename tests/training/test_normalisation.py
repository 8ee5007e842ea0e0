import numpy as np
import pytest
import torch
from torch import nn

from nearfar.models.spec import InputSpec
from nearfar.training.batch_norm import normalize_batch, recalibrate_batch_norm

DOOR = InputSpec(8, 8, 1, "stretch", "area", (0.5, 0.25, 0.0), (0.5, 0.25, 1.0))


def pictures(*values: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.stack([np.full((8, 8, 3), value, np.uint8) for value in values])


def test_pictures_are_normalised_by_hand() -> None:
    images = pictures(255)
    images[0, 2, 5] = (0, 51, 102)
    tensor = normalize_batch(images, DOOR)
    assert tensor.shape == (1, 3, 8, 8)
    assert tensor.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(tensor[0, :, 0, 0], torch.tensor([1.0, 3.0, 1.0]))
    torch.testing.assert_close(tensor[0, :, 2, 5], torch.tensor([-1.0, -0.2, 0.4]))


def test_mean_and_variance_are_those_of_the_batches_and_of_nothing_before() -> None:
    norm = nn.BatchNorm2d(3, momentum=0.01)
    norm.state_dict()["running_mean"].fill_(77.0)
    network = nn.Sequential(norm, nn.Dropout(1.0)).train()
    recalibrate_batch_norm(network, [pictures(0, 255), pictures(51, 51), pictures(255, 255)], DOOR)
    # color 2 goes in as 0 to 1: batch means 0.5, 0.2 and 1; variances 128 / 127 / 4, 0 and 0
    found = norm.state_dict()
    assert float(found["running_mean"][2]) == pytest.approx((0.5 + 0.2 + 1) / 3)
    assert float(found["running_var"][2]) == pytest.approx(128 / 127 / 4 / 3)
    assert norm.momentum == 0.01
    assert not any(each.training for each in network.modules())


def test_no_batch_leaves_what_was_known_and_weights_never_change() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    recalibrate_batch_norm(network, [], DOOR)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    recalibrate_batch_norm(network, [pictures(3, 90)], DOOR)
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, before[name])
    assert not torch.equal(network.state_dict()["1.running_var"], before["1.running_var"])
