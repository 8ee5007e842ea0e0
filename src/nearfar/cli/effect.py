"""Implement `nearfar effect`: one command an effect."""

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from nearfar.cli import _shared as args
from nearfar.cli._examples import EXAMPLES, epilogue
from nearfar.cli._inputs import (
    Inputs,
    Output,
    Recursive,
    binary_output,
    is_to_stdout,
    photos,
    split_output,
)
from nearfar.cli._options import flags_of, options_of
from nearfar.cli._progress import bar, photo_bar
from nearfar.cli._shared import (
    are_many,
    expected_photos,
    print_json,
    print_left_out,
    print_photo_warnings,
    purpose_of,
    sentence_of,
    user_language,
)
from nearfar.config import EstimateOptions, ImageLimits, Options
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
from nearfar.io.find_images import Found, Outcome, process_photos
from nearfar.io.images import Image, ImageFile
from nearfar.io.paths import temporary_root
from nearfar.jobs import make_folder
from nearfar.loading import load
from nearfar.runtimes.cpu import physical

_RESULT: Final = re.compile(rf"-({'|'.join(effect.name for effect in EFFECTS)})(_\w+)?")


def is_result(path: Path) -> bool:
    """Return whether a file is named as an effect's result; runs over folders leave it out."""
    return any(path.stem.endswith(each.group()) for each in _RESULT.finditer(path.stem))


@dataclass(frozen=True)
class Made:
    """The result of one photo.

    Attributes:
        outputs: its files, the main one first.
        size_px: width and height at which the effect was made.
        words: the result in words, by language code; empty where it has none.
        plan: of `navigate`, as JSON.
        warnings: about the photo, a sentence each.
    """

    outputs: tuple[Path, ...]
    size_px: tuple[int, int]
    words: dict[str, str]
    plan: dict[str, Any] | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class EffectJob:
    """Open, estimate, apply and write: the work on each photo of a run.

    Attributes:
        estimator: the loaded model.
        effect: to be applied.
        options: of the effect.
        output: a file, for one photo; a folder; None is the photo's own folder.
        many: whether there are several photos.
        longest_px: of the result's photo; None is its own size, or for clips `CLIP_PX`.
        force: replace files that are there.
        limits: beyond which photos are refused.
        watch: called with the result before it is written, and returns it, to show progress.
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
        """Return the path of the result; without a suffix where that depends on the result.

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
            NearfarError: the photo, the options or the files are at fault.
        """
        with ImageFile(found.stream or found.path, limits=self.limits) as file:
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


app = App(
    name="effect",
    help="Apply an effect to a photo by its depth: blur, fog, stereo, sound ...",
    group_parameters=args.OPTIONS,
    help_epilogue=epilogue(EXAMPLES["effect"]),
)


def _command(effect: Effect[Any, Any]) -> Callable[..., int]:
    annotation, nothing = flags_of(effect.options)

    def command(
        inputs: Inputs,
        *,
        flags: Any = nothing,
        output: Output = None,
        size: Annotated[SizeOptions, Parameter(name="*", name_transform=args.dashed)] = (
            SizeOptions()
        ),
        model: args.Model = "auto",
        runtime: args.Runtime = "auto",
        device: args.Device = "auto",
        threads: args.Threads = None,
        estimating: args.Estimating = EstimateOptions(),
        recursive: Recursive = False,
        force: args.Force = False,
        json_lines: args.Json = False,
        quiet: args.Quiet = False,
        limits: args.Limits = ImageLimits(),
    ) -> int:
        """Take the place of what is written below.

        Args:
            inputs: Photos, folders, patterns such as 'trip/*.jpg', or - for standard input. Of two
                words, the second is the output if it is not there and has a result's suffix.
            output: A file, for one photo, whose suffix is that of its format; a folder, for
                several; - for standard output.
        """
        inputs, output = split_output(inputs, output, partial(suffixes_of, effect))
        is_to_pipe = is_to_stdout(inputs, output, json_lines=json_lines)
        options = options_of(effect.options, flags)
        many = are_many(inputs)
        workers = (threads or physical()) if many else 1
        estimator = load(
            model,
            purpose=purpose_of(many=many),
            runtime=runtime,
            device=device,
            expected_photos=expected_photos(inputs),
            threads=1 if many else threads,
            callers=workers,
            **estimating.values(),
        )
        job = EffectJob(
            estimator,
            effect,
            options,
            Path(output) if output and not is_to_pipe else None,
            many=many,
            longest_px=size.longest_px,
            force=force,
            limits=limits,
            watch=partial(_watched, quiet=quiet or many),
        )
        if is_to_pipe:
            return _to_stdout(job, next(_photos(inputs, recursive=recursive)), quiet=quiet)
        report = partial(_report, effect=effect.name, json_lines=json_lines, quiet=quiet)
        found = partial(_photos, inputs, recursive=recursive)
        failed = 0
        left_out: list[Path] = []
        total = sum(1 for _ in found(on_skip=left_out.append)) if many else 0
        with photo_bar(total, quiet=quiet or not many) as advance:
            for outcome in process_photos(found(), job.plan, job.work, workers=workers):
                failed += outcome.error is not None
                _raise_if_alone(outcome, many=many)
                report(outcome)
                advance(outcome.found.path.name)
        if not quiet:
            print_left_out(len(left_out), next(iter(left_out), ""))
        return 1 if failed else 0

    command.__annotations__["flags"] = annotation
    command.__doc__ = (command.__doc__ or "").replace(
        "Take the place of what is written below.", effect.sentence
    )
    return command


def _photos(
    inputs: list[str], *, recursive: bool, on_skip: Callable[[Path], None] = lambda _: None
) -> Iterator[Found]:
    named = {Path(text) for text in inputs}
    for found in photos(inputs, recursive=recursive, on_skip=on_skip):
        if found.path in named or not is_result(found.path):
            yield found
        else:
            on_skip(found.path)


def _to_stdout(job: EffectJob, found: Found, *, quiet: bool) -> int:
    """Write the main file of a result to standard output; a clip has to be a file before."""
    if found.error is not None:
        raise found.error
    with TemporaryDirectory(dir=temporary_root(), prefix="nearfar-") as folder:
        made = job.work(found, Path(folder, "result"))
        if not quiet:
            print_photo_warnings(found.path, made.warnings)
        with made.outputs[0].open("rb") as file:
            shutil.copyfileobj(file, binary_output())
    return 0


def _raise_if_alone(outcome: Outcome[Made], *, many: bool) -> None:
    """Raise a single photo's error, so that its exit status is the command's."""
    if outcome.error is not None and not many:
        raise outcome.error


def _watched(result: Result, *, quiet: bool) -> Result:
    """Show the progress of a clip on a terminal."""
    if quiet or not isinstance(result, Clip) or not sys.stderr.isatty():
        return result

    def shown(clip: Clip) -> Iterator[Image]:
        with bar("frames/s") as progress:
            yield from progress.track(clip.frames, total=clip.count, description="")

    return replace(result, frames=shown(result))


def _report(outcome: Outcome[Made], *, effect: str, json_lines: bool, quiet: bool) -> None:
    made, photo = outcome.result, outcome.found.path
    if made is None:
        error = sentence_of(outcome.error)
        if json_lines:
            print_json({"input": str(photo), "error": error})
        print(f"nearfar: {error}", file=sys.stderr)
        return
    if not quiet:
        print_photo_warnings(photo, made.warnings)
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
    _lines = (
        f"nearfar effect {_effect.name} photo.jpg",
        f"nearfar effect {_effect.name} holiday -r -o results",
    )
    app.command(_command(_effect), name=_effect.name, help_epilogue=epilogue(_lines))
