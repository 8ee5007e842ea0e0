"""Estimate the depth of photo files and write the outputs."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from nearfar.config import OutputOptions
from nearfar.depth import Depth
from nearfar.errors import OutputExistsError, UsageError, WriteError
from nearfar.estimator import Estimator
from nearfar.io.depth_files import COLOR_SUFFIXES, DEFAULT_FORMAT, FORMATS, SUFFIXES
from nearfar.io.find_images import Found
from nearfar.io.images import Image, ImageFile, ImageLimits, write_image
from nearfar.io.paths import fit_stem

_LONGEST_ENDING = "-depth-color.jpg"


@dataclass(frozen=True)
class Outputs:
    """Output paths of one photo; None for those that are not requested."""

    depth: Path | None
    color: Path | None = None
    side: Path | None = None

    def paths(self) -> tuple[Path, ...]:
        """Return the paths that are not None."""
        return tuple(path for path in (self.depth, self.color, self.side) if path is not None)

    def refuse_existing(self) -> None:
        """Raise OutputExistsError if one of the files exists; call it before estimation."""
        for path in self.paths():
            if path.exists():
                raise OutputExistsError(
                    f"{path} is there already: choose another name, or overwrite=True",
                    options=("overwrite",),
                )

    def write(
        self, depth: Depth, photo: Image | None, options: OutputOptions, *, overwrite: bool
    ) -> None:
        """Write all outputs.

        Args:
            depth: the map.
            photo: (H, W, 3) uint8 of the map's size; needed for `side` only.
            options: format and colors.
            overwrite: replace existing files.

        Raises:
            OutputExistsError: a file exists and `overwrite` is False.
            WriteError: the system refused to write.
        """
        for folder in {path.parent for path in self.paths()}:
            make_folder(folder)
        if self.depth is not None:
            depth.save(self.depth, format=options.format, overwrite=overwrite)
        if self.color is None and self.side is None:
            return
        picture = depth.colorize(options.colormap, robust=options.robust)
        if self.color is not None:
            write_image(picture, self.color, overwrite=overwrite)
        if self.side is not None and photo is not None:
            from nearfar.imaging.colormaps import side_by_side

            write_image(side_by_side(photo, picture), self.side, overwrite=overwrite)


def place(
    photo: Path, output: Path | None, options: OutputOptions, *, many: bool, folder: Path = Path()
) -> Outputs:
    """Return the paths of the outputs of a photo.

    Args:
        photo: its stem determines the names, `<stem>-depth.png` and so on; a stem that is too long
            is truncated and gets a hash.
        output: None is the photo's folder; a name with a suffix is the map's file, if there is one
            photo; anything else is a folder, created if necessary.
        options: requested outputs. With pictures, but neither a format nor a file name of the map,
            only the pictures are written.
        many: whether there are several photos.
        folder: folder relative to `output`, for trees of folders.

    Raises:
        UsageError: an unknown suffix, or a file instead of a folder.
    """
    if output is None:
        home = photo.parent
    elif many or output.is_dir() or not output.suffix:
        home = output / folder
    else:
        return _named_outputs(output, options)
    if home.is_file():
        raise UsageError(f"{home} is a file: give a folder for several results")
    suffix = FORMATS[options.format or DEFAULT_FORMAT].suffixes[0]
    stem = fit_stem(photo.stem, len(_LONGEST_ENDING))
    outputs = _outputs(home / f"{stem}-depth{suffix}", options)
    has_pictures = options.color or options.side_by_side
    return replace(outputs, depth=None) if has_pictures and options.format is None else outputs


def _named_outputs(path: Path, options: OutputOptions) -> Outputs:
    suffix = path.suffix.lower()
    if options.format is None and suffix in COLOR_SUFFIXES:
        if options.side_by_side and not options.color:
            return Outputs(depth=None, side=path)
        return replace(_outputs(path, options), depth=None, color=path)
    if options.format is None and suffix not in SUFFIXES:
        names = ", ".join((*SUFFIXES, *COLOR_SUFFIXES))
        raise UsageError(
            f"{path}: give a name that ends in one of {names}, or a format", options=("format",)
        )
    return _outputs(path, options)


def _outputs(depth: Path, options: OutputOptions) -> Outputs:
    stem = depth.stem if depth.stem.endswith("-depth") else f"{depth.stem}-depth"
    return Outputs(
        depth,
        color=depth.with_name(f"{stem}-color.jpg") if options.color else None,
        side=depth.with_name(f"{stem}-side.jpg") if options.side_by_side else None,
    )


def make_folder(folder: Path) -> None:
    """Create a folder for results if it does not exist.

    Raises:
        WriteError: the system refused to write.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"can't make the folder {folder}: {error.strerror or error}") from error


@dataclass(frozen=True)
class Done:
    """The result of one photo.

    Attributes:
        outputs: its files.
        size_px: width and height; None if it was skipped because its files exist.
        ms: from opening the photo to the last file written.
        warnings: warnings about the photo, one sentence each.
    """

    outputs: Outputs
    size_px: tuple[int, int] | None
    ms: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PhotoJob:
    """Process the photos of a run: open, estimate, write.

    Attributes:
        estimator: the loaded model.
        writing: which files, and their format and colors.
        output: see `place`.
        many: whether there are several photos.
        limits: limits on the photos.
        force: replace existing files.
        skip_existing: skip photos whose files all exist.
    """

    estimator: Estimator
    writing: OutputOptions
    output: Path | None = None
    many: bool = False
    limits: ImageLimits = field(default_factory=ImageLimits)
    force: bool = False
    skip_existing: bool = False
    _taken: set[int] = field(default_factory=set, init=False, repr=False)

    def plan(self, found: Found) -> Outputs:
        """Return the output paths of a photo.

        Raises:
            UsageError: see `place`.
            OutputExistsError: another photo of this run has the same paths.
        """
        outputs = place(found.path, self.output, self.writing, many=self.many, folder=found.folder)
        names = {hash(path) for path in outputs.paths()}  # hashes save memory
        if names & self._taken:
            raise OutputExistsError(
                f"{found.path}: another photo of this run is written to {outputs.paths()[0]}:"
                " estimate this one by itself, with another output",
                options=("output",),
            )
        self._taken.update(names)
        return outputs

    def work(self, found: Found, outputs: Outputs) -> Done:
        """Estimate a photo and write its files.

        Raises:
            NearfarError: any error of the photo or its files.
        """
        start = time.perf_counter()
        if self.skip_existing and all(path.exists() for path in outputs.paths()):
            return Done(outputs, None, 0.0)
        if not self.force:
            outputs.refuse_existing()
        with ImageFile(found.stream or found.path, limits=self.limits) as file:
            photo = file.read() if outputs.side else None
            if photo is None:
                depth = self.estimator.from_file(file)
            else:
                depth = self.estimator.of_file(file)(photo)
            warnings = file.warnings
        outputs.write(depth, photo, self.writing, overwrite=self.force)
        ms = (time.perf_counter() - start) * 1000
        return Done(outputs, depth.size_px, ms, warnings)
