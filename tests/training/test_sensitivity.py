from collections.abc import Sequence

import pytest

from nearfar.training.quantization.sensitivity import find_sensitive

HARM = dict.fromkeys(range(108), 0.0001) | {17: 0.4, 80: 0.2}


def harm(group: Sequence[int]) -> float:
    return sum(HARM[layer] for layer in group)


def test_culprits_are_found_in_few_trials() -> None:
    split = find_sensitive(range(108), harm, bound=0.05)
    assert split.kept == (17, 80)
    assert split.error == pytest.approx(0.0106)
    assert split.trials <= 1 + 2 * 2 * 7 + 2


def test_only_as_many_as_it_takes() -> None:
    assert find_sensitive(range(108), harm, bound=0.25).kept == (17,)


def test_harmless_network_is_tried_once() -> None:
    split = find_sensitive(range(108), harm, bound=1)
    assert (split.kept, split.trials) == ((), 1)


def test_bound_that_nothing_meets_leaves_nothing() -> None:
    split = find_sensitive(range(4), lambda group: float(len(group)), bound=0)
    assert split.kept == (0, 1, 2, 3)
    assert split.error == 0


def test_groups_are_given_up_when_trials_run_out() -> None:
    split = find_sensitive(range(108), harm, bound=0.05, max_trials=3)
    assert {17, 80} <= set(split.kept)
    assert split.trials <= 5
