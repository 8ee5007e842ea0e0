"""One photo's way through an effect, from its file to the files that are made of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from nearfar.config import ImageLimits, Options
from nearfar.effects import EFFECTS, Clip, Effect, NavigationPlan, Sound
from nearfar.effects._ground.phrases import plan_in_words
from nearfar.effects.base import CLIP_PX, fitted
from nearfar.effects.export import (
    Result,
    default_suffix,
    kinds_of,
    result_stem,
    suffixes_of,
    write_result,
)
from nearfar.errors import OutputExistsError, UsageError
from nearfar.estimator import Estimator
from nearfar.io.find_images import Found
from nearfar.io.images import ImageFile
from nearfar.jobs import make_folder

_RESULT: Final = re.compile(rf"-({'|'.join(effect.name for effect in EFFECTS)})(_\w+)?")


def is_result(path: Path) -> bool:
    """Whether a file is named as what an effect makes; a run over a folder leaves it out."""
    return any(path.stem.endswith(each.group()) for each in _RESULT.finditer(path.stem))


@dataclass(frozen=True)
class Made:
    """What came of one photo.

    Attributes:
        outputs: its files, the main one first.
        size_px: width and height at which the effect was made.
        words: what the result says, by language code; empty where it says nothing.
        plan: of `navigate`, ready for JSON.
        warnings: what was odd about the photo, a sentence each.
    """

    outputs: tuple[Path, ...]
    size_px: tuple[int, int]
    words: dict[str, str]
    plan: dict[str, Any] | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class EffectJob:
    """The work on each photo of a run: open, estimate, apply, write.

    Attributes:
        estimator: the loaded model.
        effect: what is made.
        options: of the effect.
        output: a file, for one photo; a folder; None is the photo's own folder.
        many: whether there are several photos.
        longest_px: of the result's photo; None is its own size, or for clips `CLIP_PX`.
        force: replace files that are there.
        limits: what is refused unread.
        watch: called with the result before it is written, and gives it back: to show progress.
    """

    estimator: Estimator
    effect: Effect[Any, Any]
    options: Options
    output: Path | None = None
    many: bool = False
    longest_px: int | None = None
    force: bool = False
    limits: ImageLimits = field(default_factory=ImageLimits)
    watch: Callable[[Result], Result] = lambda result: result
    _taken: set[int] = field(default_factory=set, init=False, repr=False)

    def plan(self, found: Found) -> Path:
        """Say what the result is called; without a suffix where the result decides on it.

        Raises:
            UsageError: a suffix that no result of this effect has, or no folder.
            OutputExistsError: another photo of this run is called so, or a file is there.
        """
        output = self.output
        if output is not None and not self.many and not output.is_dir() and output.suffix:
            if output.suffix.lower() not in (known := suffixes_of(self.effect)):
                raise UsageError(f"{output}: give a name that ends in one of {', '.join(known)}")
            if output.exists() and not self.force:
                raise OutputExistsError(f"{output} is there already: use --force to replace it")
            return output
        home = found.path.parent if output is None else output / found.folder
        if home.is_file():
            raise UsageError(f"{home} is a file: give a folder for several results")
        target = home / result_stem(found.path.stem, self.effect, self.options)
        if hash(target) in self._taken:
            raise OutputExistsError(
                f"{found.path}: another photo of this run is written to {target}: use -o"
            )
        self._taken.add(hash(target))
        return target

    def work(self, found: Found, target: Path) -> Made:
        """Make the files of a photo.

        Raises:
            NearfarError: whatever is wrong with the photo, the options or the files.
        """
        with ImageFile(found.path, limits=self.limits) as file:
            photo = file.read()
            warnings = file.warnings
        longest_px = self.longest_px
        if longest_px is None and kinds_of(self.effect) == (Clip,):
            longest_px = CLIP_PX
        photo, depth = fitted(photo, self.estimator(photo), longest_px)
        result: Result = self.effect.apply(photo, depth, self.options)
        if not target.suffix or target.suffix not in suffixes_of(self.effect):
            target = target.with_name(target.name + default_suffix(result))
        make_folder(target.parent)
        outputs = write_result(self.watch(result), target, overwrite=self.force)
        plan = result.values() if isinstance(result, NavigationPlan) else None
        return Made(outputs, depth.size_px, _words(result), plan, warnings)


def _words(result: Result) -> dict[str, str]:
    if isinstance(result, NavigationPlan):
        return plan_in_words(result)
    return result.summary if isinstance(result, Sound) else {}
