"""All errors that nearfar raises. Each message says what is wrong and what to do about it.

They inherit from `NearfarError` and from the closest built-in error, so that both
`except NearfarError` and `except ValueError` work as expected.
"""

import errno
import re
from typing import Final


class NearfarError(Exception):
    """Base class; its message is one line for the user.

    Args:
        args: the message.
        options: names of the parameters that the remedy is about; the command line adds their
            flags.
    """

    exit_status = 1

    def __init__(self, *args: object, options: tuple[str, ...] = ()) -> None:
        super().__init__(*args)
        self.options = options


class UsageError(NearfarError, ValueError):
    """An option or argument is invalid."""

    exit_status = 2


class PointError(UsageError, IndexError):
    """A point is outside the image."""


# Images


class ImageError(NearfarError, ValueError):
    """An image can't be read."""


class PhotoTypeError(ImageError, TypeError):
    """An object is not a photo: wrong type, or wrong shape of an array."""


class ImageNotFoundError(ImageError, FileNotFoundError):
    """There is no file at this path, or it can't be opened."""


class EmptyImageError(ImageError):
    """A file or array is empty."""


class NotAnImageError(ImageError):
    """The bytes are not of a supported image format."""


class CorruptImageError(ImageError):
    """The content of an image file is damaged or truncated."""


class ImageTooLargeError(ImageError):
    """An image has more pixels or bytes than the limits allow; raised before it is decoded."""


class PhotoError(NearfarError, OSError):
    """An operating system error while one of several photos was processed."""


# Depth files


class DepthFileError(NearfarError, ValueError):
    """A depth file can't be read, or its format can't store this map."""


class OutputExistsError(NearfarError, FileExistsError):
    """The output exists already and must not be replaced."""


class WriteError(NearfarError, OSError):
    """An output can't be written: disk full, no permission, no such folder."""


class PictureSizeError(WriteError):
    """An image format does not support an image of this size."""


# Models


class ModelError(NearfarError):
    """An error of a model or its file."""


class UnknownModelError(ModelError, LookupError):
    """No model has this name, neither in the catalog nor among the user's own."""

    exit_status = 2


class ModelMissingError(ModelError, FileNotFoundError):
    """The file of a known model is not on this machine."""


class ChecksumError(ModelError, ValueError):
    """The SHA-256 of a file is not the recorded one."""


class ModelFileError(ModelError, ValueError):
    """A file is not a usable depth network."""


class CheckpointError(ModelError, ValueError):
    """The tensors of a PyTorch checkpoint do not match the network."""


class DownloadError(ModelError, ConnectionError):
    """A download failed after several attempts."""


class OfflineError(DownloadError):
    """A download is needed, but NEARFAR_OFFLINE is set."""


# Runtimes


class MissingExtraError(NearfarError, ImportError):
    """An optional library is not installed; the message has the pip command."""


class DeviceError(NearfarError, RuntimeError):
    """A device, such as a GPU, is missing or does not start."""


class HeifMissingError(MissingExtraError):
    """An image is in HEIC or HEIF, and the library that reads it is not installed."""


class InferenceError(NearfarError, RuntimeError):
    """A runtime failed to load or run the network."""


class OutOfMemoryError(InferenceError, MemoryError):
    """There is not enough free memory; the input may still be valid."""


# Child processes


class ProcessError(NearfarError, RuntimeError):
    """A child process can't be started, or failed for a reason other than its input."""


class ProcessCrashedError(ProcessError):
    """A child process crashed: a decoder failed, or the system killed it."""


class ProcessTimeoutError(ProcessError):
    """A child process exceeded its limit of time or processor time and was stopped."""


class ProcessMemoryError(ProcessError):
    """A child process exceeded its memory limit."""


# Training and evaluation


class DatasetError(NearfarError, ValueError):
    """A data set has an invalid layout or no usable content."""


class TrainingError(NearfarError, RuntimeError):
    """A training run can't continue: non-finite values, or an incompatible snapshot."""


class QuantizationError(NearfarError, ValueError):
    """An int8 network is slower or less accurate than required."""


# Results


class DepthMapError(NearfarError, ValueError):
    """Values are not a depth map: wrong shape, not finite, or negative."""


class CalibrationError(NearfarError, ValueError):
    """The known distances do not determine the scale in metres."""


# Service


class FormError(UsageError):
    """A multipart form is damaged, truncated, or has unknown fields."""


class FormTooLargeError(FormError):
    """A field of a multipart form is too large."""


class BusyError(NearfarError):
    """No capacity: the queue is full, or this client has too many waiting requests.

    Args:
        message: one line for the user.
        retry_after_s: when to retry, in whole seconds, 1 or more.
    """

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DrainingError(NearfarError):
    """The service accepts no requests, because it is starting or stopping."""


class TimedOutError(NearfarError, TimeoutError):
    """A request exceeded its time limit."""


# Geometry


class GeometryError(NearfarError, ValueError):
    """A camera is invalid, or a depth map yields no points or faces."""


# Video


class VideoError(NearfarError, ValueError):
    """A video can't be read, or frames can't be written as a video."""


class NotAClipError(VideoError):
    """A file is not a supported video."""


class ClipTooLargeError(VideoError):
    """A video has more frames, pixels or bytes than the limits allow."""


class CancelledError(NearfarError):
    """The operation was cancelled by the caller."""


# Clusters


class ScaleError(NearfarError, RuntimeError):
    """The cluster or one of its workers failed, independent of the photos."""


_OUT_OF_MEMORY: Final = re.compile(
    r"bad[ _]?alloc"
    r"|out[ _]of[ _]memory"
    r"|(insufficient|not enough|no more) memory"
    r"|(fail(ed|s|ure)?|can'?t|cannot|can not|could not|couldn'?t|unable|not able)( to)? alloc",
    re.IGNORECASE,
)
"""Out-of-memory messages: `std::bad_alloc` (GCC, Clang), `bad allocation` (MSVC),
`Failed to allocate memory for requested buffer` (ONNX Runtime), `Insufficient memory` (OpenCV),
`can't allocate memory` (PyTorch), `Cannot allocate memory` (errno ENOMEM)."""


_DISK_FULL: Final = frozenset(
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)
)
"""Error numbers of a full disk, an exhausted quota and a file beyond the limit."""


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether an error, or one that it was raised from, says that a disk is full.

    Args:
        error: of any library, including FFmpeg's: one with an `errno`.
    """
    while error is not None:
        if getattr(error, "errno", None) in _DISK_FULL:
            return True
        error = error.__cause__
    return False


def lacks_memory(error: BaseException | None) -> bool:
    """Return whether an error, or one of its causes, reports that memory ran out.

    Args:
        error: of any library; `MemoryError`, or one with such a message.
    """
    while error is not None:
        if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
            return True
        error = error.__cause__
    return False
