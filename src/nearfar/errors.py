"""Every error nearfar raises. Each message says what is wrong and what to do about it.

All inherit `NearfarError`, and the built-in that is closest, so that both
`except NearfarError` and `except ValueError` do what a reader expects.
"""

import errno
import re
from typing import Final


class NearfarError(Exception):
    """Base of all errors: its text is one line for a person.

    Args:
        args: the message.
        options: names of the parameters that the remedy is about; the command line names their
            flags.
    """

    exit_status = 1

    def __init__(self, *args: object, options: tuple[str, ...] = ()) -> None:
        super().__init__(*args)
        self.options = options


class UsageError(NearfarError, ValueError):
    """An option or argument that makes no sense."""

    exit_status = 2


class PointError(UsageError, IndexError):
    """A point that lies outside the picture."""


# Pictures


class ImageError(NearfarError, ValueError):
    """A picture that can't be read."""


class ImageNotFoundError(ImageError, FileNotFoundError):
    """No file at this path, or it can't be opened."""


class EmptyImageError(ImageError):
    """A file or array without content."""


class NotAnImageError(ImageError):
    """The bytes are of no picture format known here."""


class CorruptImageError(ImageError):
    """A picture format, but the content is damaged or cut off."""


class ImageTooLargeError(ImageError):
    """More pixels or bytes than the limits allow; told before pixels are decoded."""


class PhotoError(NearfarError, OSError):
    """The system refused something while one photo of many was worked on."""


# Depth files


class DepthFileError(NearfarError, ValueError):
    """A depth file that can't be read, or a format that can't hold this map."""


class OutputExistsError(NearfarError, FileExistsError):
    """The output is there already and nobody said to replace it."""


class WriteError(NearfarError, OSError):
    """An output that can't be written: full disk, no permission, no such folder."""


class PictureSizeError(WriteError):
    """A format of pictures that can't hold one of this size."""


# Models


class ModelError(NearfarError):
    """Something about a model or its file."""


class UnknownModelError(ModelError, LookupError):
    """No model of that name, neither in the catalogue nor among the user's own."""

    exit_status = 2


class ModelMissingError(ModelError, FileNotFoundError):
    """A known model whose file is not on this machine."""


class ChecksumError(ModelError, ValueError):
    """A file whose SHA-256 is not the recorded one."""


class ModelFileError(ModelError, ValueError):
    """A file that is no usable depth network."""


class CheckpointError(ModelError, ValueError):
    """A PyTorch checkpoint whose tensors are not those of the network."""


class DownloadError(ModelError, ConnectionError):
    """A download that failed after its retries."""


class OfflineError(DownloadError):
    """A download was asked for while NEARFAR_OFFLINE is set."""


# Runtimes


class MissingExtraError(NearfarError, ImportError):
    """An optional library is not installed; the message has the pip line."""


class DeviceError(NearfarError, RuntimeError):
    """A device, such as a GPU, that is missing here or does not start."""


class HeifMissingError(MissingExtraError):
    """A picture in HEIC or HEIF, and the library that reads it is not installed."""


class InferenceError(NearfarError, RuntimeError):
    """A runtime failed while it loaded or ran the network."""


class OutOfMemoryError(InferenceError, MemoryError):
    """There was too little free memory for the work; the input need not be at fault."""


# Child processes


class ProcessError(NearfarError, RuntimeError):
    """A child process can't be started, or failed in a way that its input does not explain."""


class ProcessCrashedError(ProcessError):
    """The process died over its work: a decoder crashed, or the system killed it."""


class ProcessTimeoutError(ProcessError):
    """The work took longer, or more processor time, than it may; the process was ended."""


class ProcessMemoryError(ProcessError):
    """The work needed more memory than it may have."""


# Training and evaluation


class DatasetError(NearfarError, ValueError):
    """A data set that is not laid out as it must be, or holds nothing of use."""


class TrainingError(NearfarError, RuntimeError):
    """A training run that can't go on: values that are no numbers, a foreign checkpoint."""


class QuantizationError(NearfarError, ValueError):
    """An int8 network that is slower, or less true, than it may be."""


# Results


class DepthMapError(NearfarError, ValueError):
    """Values that are no depth map: of the wrong shape, not finite, or negative."""


class CalibrationError(NearfarError, ValueError):
    """The given distances do not determine metres."""


# Service


class FormError(UsageError):
    """A multipart form that is damaged, cut off, or of other fields than there may be."""


class FormTooLargeError(FormError):
    """A field of a multipart form that holds more than it may."""


class BusyError(NearfarError):
    """No place left: the queue is full, or this client has too much waiting already.

    Args:
        message: one line for a person.
        retry_after_s: when it is worth trying again, in whole seconds, 1 or more.
    """

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DrainingError(NearfarError):
    """The service takes no work: it is starting, or it is stopping."""


class TimedOutError(NearfarError, TimeoutError):
    """A request took longer than it may."""


# Geometry


class GeometryError(NearfarError, ValueError):
    """A camera that is none, or a depth map that gives no points or faces."""


# Video


class VideoError(NearfarError, ValueError):
    """A clip that can't be read, or frames that don't make one."""


class NotAClipError(VideoError):
    """A file of no kind of clip that is read here."""


class ClipTooLargeError(VideoError):
    """More frames, pixels or bytes than the limits allow."""


class CancelledError(NearfarError):
    """The work was given up because somebody asked for that."""


# Past one machine


class ScaleError(NearfarError, RuntimeError):
    """The cluster failed, or a worker in it, in a way that is no photo's fault."""


_TOLD: Final = re.compile(
    r"bad[ _]?alloc"
    r"|out[ _]of[ _]memory"
    r"|(insufficient|not enough|no more) memory"
    r"|(fail(ed|s|ure)?|can'?t|cannot|can not|could not|couldn'?t|unable|not able)( to)? alloc",
    re.IGNORECASE,
)
"""Messages when memory runs out: `std::bad_alloc` (GCC, Clang), `bad allocation` (MSVC),
`Failed to allocate memory for requested buffer` (ONNX Runtime), `Insufficient memory` (OpenCV),
`can't allocate memory` (PyTorch), `Cannot allocate memory` (errno ENOMEM)."""


_DISK_FULL: Final = frozenset(
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)
)
"""Error numbers of a full disk, an exhausted quota and a file beyond the limit."""


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether an error, or one that it was raised from, says that a disk is full.

    Args:
        error: of any library, FFmpeg's among them: one with a number of `errno`.
    """
    while error is not None:
        if getattr(error, "errno", None) in _DISK_FULL:
            return True
        error = error.__cause__
    return False


def lacks_memory(error: BaseException | None) -> bool:
    """Return whether an error, or one that it was raised from, says that memory ran out.

    Args:
        error: of any library; `MemoryError`, or one whose text says so.
    """
    while error is not None:
        if isinstance(error, MemoryError) or _TOLD.search(str(error)):
            return True
        error = error.__cause__
    return False
