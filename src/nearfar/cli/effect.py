"""`nearfar effect`: what depth is for, one command an effect."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import Field, dataclass, field, fields, make_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Optional, get_type_hints

from cyclopts import App, Parameter

from nearfar.cli import _shared as args
from nearfar.cli._progress import bar, photo_bar
from nearfar.cli._shared import (
    are_many,
    print_json,
    purpose_of,
    tell_left_out,
    tell_odd,
    user_language,
)
from nearfar.config import EstimateOptions, ImageLimits, Options, range_text
from nearfar.effects import EFFECTS, Clip, Effect, NavigationPlan, Sound
from nearfar.effects._ground.phrases import plan_in_words
from nearfar.effects.base import CLIP_PX, SizeOptions, fitted
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
from nearfar.io.find_images import Found, Outcome, find, work_on
from nearfar.io.images import Image, ImageFile
from nearfar.jobs import make_folder
from nearfar.loading import load
from nearfar.runtimes.cpu import physical

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
            photo, estimator = file.read(), self.estimator.of_file(file)
            warnings = file.warnings
        longest_px = self.longest_px
        if longest_px is None and kinds_of(self.effect) == (Clip,):
            longest_px = CLIP_PX
        photo, depth = fitted(photo, estimator(photo).relative(), longest_px)
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


app = App(name="effect", help="Make something of a photo's depth: blur, fog, stereo, sound ...")


def _given(effect: Effect[Any, Any]) -> type[Any]:
    """Make of an effect's options what the command line takes: a path for a picture."""
    hints = get_type_hints(effect.options)
    rows = []
    for each in fields(effect.options):
        hint = Optional[Path] if "picture" in each.metadata else hints[each.name]  # noqa: UP045 - not a name
        about = field(default=each.default, metadata={"help": _help(each)})
        rows.append((each.name, hint, about))
    return make_dataclass("Given", rows, namespace={"__module__": __name__})


def _help(option: "Field[Any]") -> str:
    limits = range_text(option.metadata)
    return f"{option.metadata['help']} ({limits})" if limits else str(option.metadata["help"])


def _read(effect: Effect[Any, Any], given: Any) -> Any:
    """Make the options; a path becomes the picture there.

    Raises:
        UsageError: a value out of its range.
        ImageError: a picture that can't be read.
    """
    values = {each.name: getattr(given, each.name) for each in fields(effect.options)}
    return effect.options.of(
        **{
            name: _picture(value) if isinstance(value, Path) else value
            for name, value in values.items()
        }
    )


def _picture(path: Path) -> Image:
    with ImageFile(path) as file:
        return file.read(keep_alpha=True)


def _command(effect: Effect[Any, Any]) -> Callable[..., int]:
    kind = _given(effect)

    def command(
        inputs: Annotated[list[str], Parameter(negative="")],
        *,
        given: Any = kind(),  # noqa: B008 - frozen in effect: nobody changes it
        output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
        size: Annotated[SizeOptions, Parameter(name="*", name_transform=args.dashed)] = (
            SizeOptions()
        ),
        model: args.Model = "auto",
        runtime: args.Runtime = "auto",
        threads: args.Threads = None,
        estimating: args.Estimating = EstimateOptions(),
        recursive: Annotated[bool, Parameter(name=["--recursive", "-r"], negative="")] = False,
        force: args.Force = False,
        json_lines: args.Json = False,
        quiet: args.Quiet = False,
        limits: args.Limits = ImageLimits(),
    ) -> int:
        """Take the place of what is written below.

        Args:
            inputs: Photos, folders, or patterns such as 'trip/*.jpg'.
            output: A file, for one photo, whose suffix tells the format; a folder, for several.
            recursive: Also search the folders in folders.
        """
        options = _read(effect, given)
        many = are_many(inputs)
        workers = (threads or physical()) if many else 1
        estimator = load(
            model,
            purpose=purpose_of(many=many),
            runtime=runtime,
            threads=1 if many else threads,
            callers=workers,
            **estimating.values(),
        )
        job = EffectJob(
            estimator,
            effect,
            options,
            output,
            many=many,
            longest_px=size.longest_px,
            force=force,
            limits=limits,
            watch=partial(_watched, quiet=quiet or many),
        )
        tell = partial(_tell, effect=effect.name, json_lines=json_lines, quiet=quiet)
        photos = partial(_photos, inputs, recursive=recursive)
        failed = 0
        left_out: list[Path] = []
        total = sum(1 for _ in photos(passed_over=left_out.append)) if many else 0
        with photo_bar(total, quiet=quiet or not many) as advance:
            for outcome in work_on(photos(), job.plan, job.work, workers=workers):
                failed += outcome.error is not None
                _raise_if_alone(outcome, many=many)
                tell(outcome)
                advance(outcome.found.path.name)
        if not quiet:
            tell_left_out(len(left_out), next(iter(left_out), ""))
        return 1 if failed else 0

    command.__annotations__["given"] = Annotated[
        kind, Parameter(name="*", name_transform=args.dashed, negative="")
    ]
    command.__doc__ = (command.__doc__ or "").replace(
        "Take the place of what is written below.", effect.sentence
    )
    return command


def _photos(
    inputs: list[str], *, recursive: bool, passed_over: Callable[[Path], None] = lambda _: None
) -> Iterator[Found]:
    named = {Path(text) for text in inputs}
    for found in find(inputs, recursive=recursive, passed_over=passed_over):
        if found.path in named or not is_result(found.path):
            yield found
        else:
            passed_over(found.path)


def _raise_if_alone(outcome: Outcome[Made], *, many: bool) -> None:
    """A single photo's error is the command's own, with its own exit status."""
    if outcome.error is not None and not many:
        raise outcome.error


def _watched(result: Result, *, quiet: bool) -> Result:
    """Show how far a clip is, where somebody may look."""
    if quiet or not isinstance(result, Clip) or not sys.stderr.isatty():
        return result

    def shown(clip: Clip) -> Iterator[Image]:
        with bar("frames/s") as progress:
            yield from progress.track(clip.frames, total=clip.count, description="")

    return replace(result, frames=shown(result))


def _tell(outcome: Outcome[Made], *, effect: str, json_lines: bool, quiet: bool) -> None:
    made, photo = outcome.result, outcome.found.path
    if made is None:
        if json_lines:
            print_json({"input": str(photo), "error": str(outcome.error)})
        print(f"nearfar: {outcome.error}", file=sys.stderr)
        return
    if not quiet:
        tell_odd(photo, made.warnings)
    if json_lines:
        row: dict[str, Any] = {"input": str(photo), "effect": effect}
        row["outputs"] = [str(path) for path in made.outputs]
        row |= {"width_px": made.size_px[0], "height_px": made.size_px[1]}
        row |= {"summary": made.words} if made.words else {}
        row |= {"plan": made.plan} if made.plan else {}
        row |= {"warnings": list(made.warnings)} if made.warnings else {}
        print_json(row)
    elif not quiet:
        words = made.words.get(user_language())
        print(f"{made.outputs[0]}: {words}" if words else made.outputs[0], flush=True)


for _effect in EFFECTS:
    app.command(_command(_effect), name=_effect.name)
