"""One photo's whole way, from its file to the files that are made of it."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from nearfar.choices import OutputOptions
from nearfar.errors import OutputExistsError
from nearfar.estimator import Estimator
from nearfar.io.find_images import Found
from nearfar.io.images import ImageFile, ImageLimits
from nearfar.outputs import Outputs, place


@dataclass(frozen=True)
class Done:
    """What came of one photo.

    Attributes:
        outputs: its files.
        size_px: width and height; None when it was passed over because its files were there.
        ms: from opening the photo to the last file written.
        warnings: what was odd about the photo, a sentence each.
    """

    outputs: Outputs
    size_px: tuple[int, int] | None
    ms: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PhotoJob:
    """The work on each photo of a run: open, estimate, write.

    Attributes:
        estimator: the loaded model.
        writing: which files, and how they look.
        output: where to, see `outputs.place`.
        many: whether there are several photos.
        limits: what is refused unread.
        force: replace files that are there.
        skip_existing: pass over photos whose files are all there.
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
        """Say which files a photo becomes.

        Raises:
            UsageError: there is no place for them.
            OutputExistsError: another photo of this run becomes the same files.
        """
        outputs = place(found.path, self.output, self.writing, many=self.many, folder=found.folder)
        names = {hash(path) for path in outputs.paths()}  # a number a file: runs may be long
        if names & self._taken:
            raise OutputExistsError(
                f"{found.path}: another photo of this run is written to {outputs.paths()[0]}:"
                " estimate this one by itself, with -o"
            )
        self._taken.update(names)
        return outputs

    def work(self, found: Found, outputs: Outputs) -> Done:
        """Make the files of a photo.

        Raises:
            NearfarError: whatever is wrong with the photo or its files.
        """
        start = time.perf_counter()
        if self.skip_existing and all(path.exists() for path in outputs.paths()):
            return Done(outputs, None, 0.0)
        if not self.force:
            outputs.refuse_existing()
        with ImageFile(found.stream or found.path, limits=self.limits) as file:
            photo = file.read() if outputs.side else None
            depth = self.estimator.from_file(file) if photo is None else self.estimator(photo)
            warnings = file.warnings
        outputs.write(depth, photo, self.writing, overwrite=self.force)
        ms = (time.perf_counter() - start) * 1000
        return Done(outputs, depth.size_px, ms, warnings)
