"""The figures of an evaluation, by picture and on average."""

from dataclasses import asdict, dataclass, fields

import numpy as np

from nearfar.evaluation.protocols import ProtocolName


@dataclass(frozen=True)
class Measures:
    """All figures of one picture, or their means; None where one has no meaning.

    Attributes:
        bad_pixel: percent of pixels off by more than a factor of 1.25.
        abs_rel: mean relative error.
        delta1: share of pixels within a factor of 1.25.
        delta2: within 1.25 squared.
        delta3: within 1.25 cubed.
        rmse_m: metres; only for truth in metres.
        silog: scale-invariant logarithmic error, times 100.
        inverse_error: root mean squared error of inverse depth, in standard deviations.
        ordinal: percent of pairs of points in the wrong order.
        boundary_f1: of occluding edges, 0 to 1; only where at least half of the truth is known.
        sharpness: share of the truth's depth steps that the map has too, 0 to 1.
        temporal: change of nearness from the frame before; only for clips.
    """

    bad_pixel: float | None = None
    abs_rel: float | None = None
    delta1: float | None = None
    delta2: float | None = None
    delta3: float | None = None
    rmse_m: float | None = None
    silog: float | None = None
    inverse_error: float | None = None
    ordinal: float | None = None
    boundary_f1: float | None = None
    sharpness: float | None = None
    temporal: float | None = None


@dataclass(frozen=True)
class PictureScore:
    """One picture's figures, under its name."""

    name: str
    measures: Measures


@dataclass(frozen=True)
class Scores:
    """What an evaluation found.

    Attributes:
        dataset: its name.
        model: its name.
        protocol: by which the figures were made.
        pictures: their figures, in the order of the data set.
        failed: what went wrong with the others, a sentence each.
        notes: what a reader of the figures must know.
    """

    dataset: str
    model: str
    protocol: ProtocolName
    pictures: tuple[PictureScore, ...]
    failed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def mean(self) -> Measures:
        """Mean over the pictures that have the figure, each of the same weight."""
        rows = [asdict(picture.measures) for picture in self.pictures]
        means = {}
        for field in fields(Measures):
            values = [row[field.name] for row in rows if row[field.name] is not None]
            means[field.name] = float(np.mean(values)) if values else None
        return Measures(**means)

    def interval(
        self, name: str, *, draws: int = 2000, seed: int = 0
    ) -> tuple[float, float] | None:
        """Return the 95 % interval of a mean, by bootstrap over the pictures.

        Args:
            name: of the figure, a field of `Measures`.
            draws: how many times the pictures are drawn anew.
            seed: of the draws.

        Returns:
            The 2.5th and 97.5th percentile of the means; None for fewer than two pictures.
        """
        values = np.array(
            [v for it in self.pictures if (v := getattr(it.measures, name)) is not None], np.float64
        )
        if values.size < 2:
            return None
        chosen = np.random.default_rng(seed).integers(values.size, size=(draws, values.size))
        low, high = np.quantile(values[chosen].mean(axis=1), (0.025, 0.975))
        return float(low), float(high)

    def ranked(self) -> tuple[PictureScore, ...]:
        """Order the pictures, best first: by bad pixels in `midas`, by AbsRel in `affine`."""
        key = "bad_pixel" if self.protocol == "midas" else "abs_rel"
        known = [it for it in self.pictures if getattr(it.measures, key) is not None]
        return tuple(sorted(known, key=lambda it: (getattr(it.measures, key), it.name)))
