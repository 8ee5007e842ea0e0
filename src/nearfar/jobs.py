"""One photo's whole way, from its file to the files that are made of it."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from nearfar.estimator import Estimator
from nearfar.folder import Found
from nearfar.images import ImageFile, ImageLimits
from nearfar.outputs import OutputOptions, Outputs, place


@dataclass(frozen=True)
class Done:
    """What came of one photo.

    Attributes:
        outputs: its files.
        size_px: width and height; None when it was passed over because its files were there.
        ms: from opening the photo to the last file written.
    """

    outputs: Outputs
    size_px: tuple[int, int] | None
    ms: float


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

    def __call__(self, found: Found) -> Done:
        """Do it.

        Raises:
            NearfarError: whatever is wrong with this photo or its outputs.
        """
        start = time.perf_counter()
        outputs = place(found.path, self.output, self.writing, many=self.many, folder=found.folder)
        if self.skip_existing and all(path.exists() for path in outputs.paths()):
            return Done(outputs, None, 0.0)
        if not self.force:
            outputs.refuse_existing()
        with ImageFile(found.stream or found.path, limits=self.limits) as file:
            photo = file.read() if outputs.side else None
            depth = self.estimator.from_file(file) if photo is None else self.estimator(photo)
        outputs.write(depth, photo, self.writing, overwrite=self.force)
        return Done(outputs, depth.size_px, (time.perf_counter() - start) * 1000)
