"""The units of the encoder."""

import torch

from nearfar.training.nets.efficientnet_lite import InvertedResidual


def test_a_unit_is_passed_by_as_often_as_told_and_weighs_the_same_on_average() -> None:
    torch.manual_seed(0)
    unit = InvertedResidual(4, 4, 3, 1, 2)
    for name, value in unit.named_buffers():
        value.fill_(1.0 if name.endswith("var") else 0.0)
    unit.eval()
    x = torch.randn(1, 4, 8, 8)
    with torch.no_grad():
        added = unit(x) - x
        unit.drop_path = 0.4
        assert torch.equal(unit(x) - x, added), "only while it is trained"
        unit.training = True  # but its normalisations as they are
        many = unit(x.expand(4000, 4, 8, 8)) - x
    passed = many.abs().amax((1, 2, 3)) == 0
    assert 0.37 < passed.float().mean() < 0.43
    torch.testing.assert_close(many[~passed][0], added[0] / 0.6)


def test_a_unit_that_changes_the_size_is_never_passed_by() -> None:
    torch.manual_seed(0)
    unit = InvertedResidual(4, 8, 3, 2, 2)
    unit.drop_path = 0.9
    assert (unit(torch.randn(50, 4, 8, 8)).abs().amax((1, 2, 3)) > 0).all()
