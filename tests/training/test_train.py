"""The training loop, on pictures that tell their own truth."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nearfar.datasets import PairFolder
from nearfar.errors import NearfarError, TrainingError, UsageError
from nearfar.models.spec import InputSpec
from nearfar.runtimes.onnx import OnnxSession
from nearfar.training import curves, run_state
from nearfar.training.data.augment import AugmentOptions
from nearfar.training.data.batches import TrainingSet
from nearfar.training.data.cache import open_caches
from nearfar.training.export import export_onnx
from nearfar.training.nets.efficientnet_lite import InvertedResidual
from nearfar.training.options import TrainOptions
from nearfar.training.trainer import Progress, Trainer, Validation
from tests.training.pairsets import describe, write_pair, write_set

DOOR = InputSpec(64, 64, 32, "stretch", "area", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
OPTIONS = TrainOptions(epochs=1, decoder_lr=0.02, encoder_lr=0.02, ema_decay=0.9)
SIZES = {(64, 64): (32, 64)}
_KNOWN = ("running_mean", "running_var", "num_batches_tracked")


class Toy(nn.Module):
    """A network small enough to learn in seconds, with an encoder to freeze."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        answer: Tensor = self.head(self.encoder(image))
        return answer.squeeze(1)


def dataset(folder: PairFolder, cache: Path) -> TrainingSet:
    caches = open_caches(cache, [folder], short_side_px=64)
    sets = [(cache, 1.0) for cache in caches]
    # a merged scene's grey would not tell its depth any more
    apart = AugmentOptions(merge=0)
    return TrainingSet(sets, batch=4, sizes=SIZES, seed=1, augment=apart)


@pytest.fixture
def data(tmp_path: Path) -> TrainingSet:
    return dataset(write_set(tmp_path / "set", 16, (80, 64)), tmp_path / "cache")


def trainer(data: TrainingSet, folder: Path, *, steps: int, **changes: object) -> Trainer:
    epochs = steps / data.steps_per_epoch
    options = replace(OPTIONS, epochs=epochs, **changes)  # type: ignore[arg-type]
    return Trainer(Toy(), DOOR, data, folder, options)


def state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_loss_falls_and_the_graph_agrees_with_torch(data: TrainingSet, tmp_path: Path) -> None:
    losses: list[float] = []
    run = trainer(data, tmp_path / "run", steps=48, gradient_weight=0.0)
    run.on_progress = lambda at: losses.append(at.loss)
    network = run.run()
    assert len(losses) == 48
    assert np.mean(losses[-8:]) < 0.2 * np.mean(losses[:4])
    export_onnx(network, tmp_path / "toy.onnx")
    image = np.random.default_rng(0).normal(size=(2, 3, 64, 96)).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(image)).numpy()
    answer = OnnxSession(tmp_path / "toy.onnx").run(image)
    np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-4)


def test_resume_equals_no_interruption(data: TrainingSet, tmp_path: Path) -> None:
    whole = state(trainer(data, tmp_path / "whole", steps=12, low_res=0.75).run())
    broken = trainer(data, tmp_path / "broken", steps=12, low_res=0.75, save_minutes=1e-9)

    def stop(at: Progress) -> None:
        if at.step == 8:
            raise KeyboardInterrupt

    broken.on_progress = stop
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    again = trainer(data, tmp_path / "broken", steps=12, low_res=0.75)
    assert again.resume()
    assert again.step == 7  # the last snapshot
    resumed = state(again.run())
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name


class Units(Toy):
    """With residual units that can be passed by."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder.append(InvertedResidual(8, 8, 3, 1, 2))


def test_units_that_are_passed_by_are_the_same_after_a_break(
    data: TrainingSet, tmp_path: Path
) -> None:
    def run(name: str, drop: float, *, broken: bool = False) -> dict[str, Tensor]:
        epochs = 6 / data.steps_per_epoch
        options = replace(OPTIONS, epochs=epochs, drop_path=drop, save_minutes=1e-9)
        run = Trainer(Units(), DOOR, data, tmp_path / name, options)
        if broken:
            run.on_progress = stop
            with pytest.raises(KeyboardInterrupt):
                run.run()
            run = Trainer(Units(), DOOR, data, tmp_path / name, options)
            assert run.resume()
        return state(run.run())

    def stop(at: Progress) -> None:
        if at.step == 3:
            raise KeyboardInterrupt

    whole, again, none = run("whole", 0.5), run("broken", 0.5, broken=True), run("none", 0)
    assert all(torch.equal(value, again[name]) for name, value in whole.items())
    assert not all(torch.equal(value, none[name]) for name, value in whole.items())


def test_a_network_without_units_to_pass_by_is_told(data: TrainingSet, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="drop path"):
        trainer(data, tmp_path / "run", steps=2, drop_path=0.1)


def test_the_first_steps_are_small(data: TrainingSet, tmp_path: Path) -> None:
    widths: list[int] = []
    run = trainer(data, tmp_path / "run", steps=8, low_res=0.5)
    run.network.register_forward_pre_hook(lambda _, given: widths.append(given[0].shape[-1]))
    run.run()
    assert widths == [32] * 4 + [64] * 4


def test_nothing_to_resume_is_told(data: TrainingSet, tmp_path: Path) -> None:
    assert not trainer(data, tmp_path / "run", steps=4).resume()


def test_other_recipe_is_refused(data: TrainingSet, tmp_path: Path) -> None:
    trainer(data, tmp_path / "run", steps=2).run()
    with pytest.raises(TrainingError, match="other options, data or network"):
        trainer(data, tmp_path / "run", steps=2, trim=0.1).resume()


def test_damaged_snapshot_is_refused(data: TrainingSet, tmp_path: Path) -> None:
    trainer(data, tmp_path / "run", steps=2).run()
    (tmp_path / "run" / run_state.FILE).write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(TrainingError, match="damaged"):
        trainer(data, tmp_path / "run", steps=2).resume()


def test_sparse_truth_is_learned_from(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    for index in range(12):
        columns = np.meshgrid(np.arange(80), np.arange(64))[0]
        photo = (20 + index + 2 * columns).astype(np.uint16)
        known = random.random(photo.shape) < 0.05
        write_pair(
            tmp_path / "set", f"{index:02}", np.where(known, photo, 0).astype(np.uint16), photo
        )
    data = dataset(describe(tmp_path / "set"), tmp_path / "cache")
    losses: list[float] = []
    run = trainer(data, tmp_path / "run", steps=40, gradient_weight=0.0)
    run.on_progress = lambda at: losses.append(at.loss)
    run.run()
    assert np.isfinite(losses).all()
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:4])


def test_best_weights_are_kept_and_patience_ends_the_run(data: TrainingSet, tmp_path: Path) -> None:
    scores = iter([3.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    seen: list[dict[str, Tensor]] = []

    def validate(network: nn.Module) -> Validation:
        seen.append(state(network))
        score = next(scores)
        return Validation(score, {"set/bad_pixel": score}, np.zeros((8, 8, 3), np.uint8))

    run = trainer(data, tmp_path / "run", steps=6 * data.steps_per_epoch, patience=2)
    run.validate = validate
    best = state(run.run())
    assert len(seen) == 4  # the second is the best, then two without progress
    for name, value in seen[1].items():
        assert torch.equal(value, best[name]), name
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"snapshot.pt", "curves.csv", "curves.png"} <= names
    assert sum(name.startswith("sheet-") for name in names) == 4
    told = curves.read(tmp_path / "run")
    assert [value for _, value in told["val/set/bad_pixel"]] == [3.0, 1.0, 2.0, 2.0]


def test_frozen_encoder_stays_as_it_is(data: TrainingSet, tmp_path: Path) -> None:
    run = trainer(data, tmp_path / "run", steps=4, freeze_stages=4)
    before = state(run.network)
    run.run()
    after = state(run.network)
    for name, value in before.items():
        assert torch.equal(value, after[name]) == name.startswith("encoder."), name


def test_still_normalisations_know_what_they_knew_and_their_weights_learn(
    data: TrainingSet, tmp_path: Path
) -> None:
    before, after = (
        state(Toy()),
        state(trainer(data, tmp_path / "run", steps=4, freeze_batch_norm=True).run()),
    )
    for name, value in before.items():
        assert torch.equal(value, after[name]) == (name.rpartition(".")[2] in _KNOWN), name


def test_loss_that_is_no_number_ends_the_run(data: TrainingSet, tmp_path: Path) -> None:
    run = trainer(data, tmp_path / "run", steps=8)
    with torch.no_grad():
        run.network.head.weight.fill_(float("nan"))  # type: ignore[union-attr, operator]
    with pytest.raises(TrainingError, match="not finite at step 0"):
        run.run()


def test_full_disk_leaves_the_last_snapshot(
    data: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer(data, tmp_path / "run", steps=2).run()
    before = (tmp_path / "run" / run_state.FILE).read_bytes()

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(NearfarError, match="No space left"):
        trainer(data, tmp_path / "run", steps=2).run()
    assert (tmp_path / "run" / run_state.FILE).read_bytes() == before


def test_hours_become_steps_once(data: TrainingSet, tmp_path: Path) -> None:
    run = trainer(data, tmp_path / "run", steps=10_000, hours=1e-9)
    run.run()
    assert run.step == 21  # timed over twenty steps, then one more
