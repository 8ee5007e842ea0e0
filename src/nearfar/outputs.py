"""What is written for one photo, and where."""

from dataclasses import dataclass
from pathlib import Path

from nearfar.choices import OutputOptions
from nearfar.depth import DepthMap
from nearfar.errors import OutputExistsError, UsageError, WriteError
from nearfar.io.depth_files import FORMATS
from nearfar.io.images import Image, write_image
from nearfar.names import fitting

_LONGEST_ENDING = "-depth-color.jpg"

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".webp")
"""An output of this suffix can't hold depth; it is the colour picture that is meant."""


@dataclass(frozen=True)
class Outputs:
    """The files of one photo; None where one is not wanted."""

    depth: Path | None
    color: Path | None = None
    side: Path | None = None

    def paths(self) -> tuple[Path, ...]:
        """Give the files that are wanted."""
        return tuple(path for path in (self.depth, self.color, self.side) if path is not None)

    def refuse_existing(self) -> None:
        """Raise OutputExistsError if one of them is there; ask before the work, not after."""
        for path in self.paths():
            if path.exists():
                raise OutputExistsError(f"{path} is there already: use --force to replace it")

    def write(
        self, depth: DepthMap, photo: Image | None, options: OutputOptions, *, overwrite: bool
    ) -> None:
        """Write them all.

        Args:
            depth: the map.
            photo: (H, W, 3) uint8 of the map's size; needed for `side` only.
            options: format and colours.
            overwrite: replace what is there.

        Raises:
            OutputExistsError: something is there and `overwrite` is False.
            WriteError: the system refused.
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
    """Say where the outputs of a photo belong.

    Args:
        photo: its stem gives the names, `<stem>-depth.png` and so on; one that is too long for
            them is cut and marked with its hash.
        output: None is the photo's own folder; a name with a suffix is the map's file, when
            there is one photo; anything else is a folder, made when it is not there.
        options: which outputs are wanted.
        many: whether there are several photos.
        folder: below `output`, when a tree of folders is kept.

    Raises:
        UsageError: a suffix of no format known here, or a file where a folder is needed.
    """
    if output is None:
        home = photo.parent
    elif many or output.is_dir() or not output.suffix:
        home = output / folder
    else:
        return _exactly(output, options)
    if home.is_file():
        raise UsageError(f"{home} is a file: give a folder for several results")
    suffix = FORMATS[options.format or "png16"].suffixes[0]
    stem = fitting(photo.stem, len(_LONGEST_ENDING))
    return _all_of(home / f"{stem}-depth{suffix}", options)


def _exactly(path: Path, options: OutputOptions) -> Outputs:
    suffix = path.suffix.lower()
    if options.format is None and suffix in PICTURE_SUFFIXES:
        return Outputs(depth=None, color=path)
    known = [known for row in FORMATS.values() for known in row.suffixes]
    if options.format is None and suffix not in known:
        names = ", ".join(dict.fromkeys((*known, *PICTURE_SUFFIXES)))
        raise UsageError(f"{path}: give a name that ends in one of {names}, or --format")
    return _all_of(path, options)


def _all_of(depth: Path, options: OutputOptions) -> Outputs:
    stem = depth.stem if depth.stem.endswith("-depth") else f"{depth.stem}-depth"
    return Outputs(
        depth,
        color=depth.with_name(f"{stem}-color.jpg") if options.color else None,
        side=depth.with_name(f"{stem}-side.jpg") if options.side_by_side else None,
    )


def make_folder(folder: Path) -> None:
    """Make a folder for results, where there is none.

    Raises:
        WriteError: the system refused.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"can't make the folder {folder}: {error.strerror or error}") from error
