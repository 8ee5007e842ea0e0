from collections import Counter
from itertools import product

import pytest

from nearfar.errors import UsageError
from nearfar.training.data.sampler import BatchPlan, Mixture

SIZES = ((256, 192), (192, 256), (352, 128))


def mixture(
    counts: tuple[int, ...] = (20, 12),
    weights: tuple[float, ...] = (1, 1),
    *,
    batch: int = 4,
    seed: int = 0,
    sizes: tuple[tuple[int, int], ...] = ((256, 192),),
    aspect: float = 4 / 3,
) -> Mixture:
    aspects = [[aspect] * count for count in counts]
    return Mixture(aspects, weights, batch=batch, sizes=sizes, seed=seed)


def epoch(mixed: Mixture, number: int) -> list[BatchPlan]:
    steps = mixed.steps_per_epoch
    return [mixed.plan_at(step) for step in range(number * steps, (number + 1) * steps)]


def picks(plans: list[BatchPlan]) -> Counter[tuple[int, int]]:
    return Counter(pick for plan in plans for pick in plan.picks)


def test_an_epoch_holds_every_picture_once() -> None:
    mixed = mixture()
    assert mixed.steps_per_epoch == 8
    everything = Counter([*product([0], range(20)), *product([1], range(12))])
    for number in (0, 1, 7):
        assert picks(epoch(mixed, number)) == everything
    assert epoch(mixed, 0) != epoch(mixed, 1)


def test_every_batch_is_full_and_of_the_sizes() -> None:
    mixed = mixture((7, 6), batch=5, sizes=SIZES)
    for step in range(60):
        plan = mixed.plan_at(step)
        assert len(plan.picks) == 5
        assert plan.size in SIZES


def test_order_of_asking_does_not_matter() -> None:
    forward = [mixture(sizes=SIZES).plan_at(step) for step in range(40)]
    mixed = mixture(sizes=SIZES)
    backward = [mixed.plan_at(step) for step in reversed(range(40))]
    assert forward == backward[::-1]


def test_seeds_differ() -> None:
    assert mixture(seed=1).plan_at(0) == mixture(seed=1).plan_at(0)
    assert mixture(seed=1).plan_at(0) != mixture(seed=2).plan_at(0)


def test_weights_are_shares_of_what_is_seen() -> None:
    mixed = mixture((50, 10, 3), (1, 3, 0.1), batch=8)
    assert mixed.steps_per_epoch == 10
    assert mixed.shares == pytest.approx((50 / 80.3, 30 / 80.3, 0.3 / 80.3))
    seen: Counter[int] = Counter()
    for number in range(100):
        for (each, _), times in picks(epoch(mixed, number)).items():
            seen[each] += times
    for each, share in enumerate(mixed.shares):
        assert abs(seen[each] - 8000 * share) < 5


def test_pictures_of_a_set_take_turns() -> None:
    mixed = mixture((9, 40), (0.37, 1), batch=6)
    seen: Counter[tuple[int, int]] = Counter()
    for number in range(25):
        seen += picks(epoch(mixed, number))
        for each, count in ((0, 9), (1, 40)):
            times = [seen[each, picture] for picture in range(count)]
            assert max(times) - min(times) <= 1


def test_a_rare_set_comes_in_the_end() -> None:
    mixed = mixture((100, 1), (1, 0.1), batch=10)
    when = [number for number in range(40) if (1, 0) in picks(epoch(mixed, number))]
    assert 3 <= len(when) <= 5


def test_wide_frames_are_never_squeezed_into_portraits() -> None:
    aspects = [[3.3] * 64, [1.33] * 64, [0.75] * 64]
    mixed = Mixture(aspects, (1, 1, 1), batch=4, sizes=SIZES, seed=0)
    sizes: dict[int, Counter[tuple[int, int]]] = {0: Counter(), 1: Counter(), 2: Counter()}
    for number in range(10):
        for plan in epoch(mixed, number):
            for each, _ in plan.picks:
                sizes[each][plan.size] += 1
    for each, own, least in ((0, (352, 128), 0.95), (1, (256, 192), 0.5), (2, (192, 256), 0.5)):
        assert sizes[each][own] / 640 > least
    assert sizes[1][192, 256] > 100  # 4:3 also in portrait: it keeps more than half
    assert sizes[1][352, 128] < 30  # but for what is over at an epoch's end


def test_a_size_that_suits_nobody_still_takes_all() -> None:
    mixed = mixture(aspect=5.0)
    assert {mixed.plan_at(step).size for step in range(8)} == {(256, 192)}


def test_a_batch_may_hold_more_than_there_is() -> None:
    mixed = mixture((2, 1), batch=8)
    assert mixed.steps_per_epoch == 1
    seen = picks([mixed.plan_at(0)])
    assert sum(seen.values()) == 8
    assert min(seen.values()) >= 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch": 0},
        {"seed": -1},
        {"sizes": ()},
        {"weights": (1, 0)},
        {"weights": (1,)},
        {"counts": (20, 0)},
        {"counts": (), "weights": ()},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="use a"):
        mixture(**wrong)  # type: ignore[arg-type]  # wrong on purpose
