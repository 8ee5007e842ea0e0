"""Ray Data set up for a run, and what it raises turned into one line."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nearfar import errors
from nearfar.errors import NearfarError, ScaleError


@contextmanager
def quiet_data() -> Iterator[Any]:
    """Set up Ray Data: every row by itself, and nothing on the screen."""
    import ray.data

    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        # its own old fields, which its copy sets anew
        warnings.filterwarnings("ignore", "`use_", DeprecationWarning, r"ray\.data\.context")
        context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = 1  # a block a row: parts go to whichever worker is free
    context.execution_no_progress_timeout_s = -1  # a big part of big photos may take an hour
    with ray.data.DataContext.current(context):
        yield ray.data


@contextmanager
def failing() -> Iterator[None]:
    """Turn what Ray raises into one line."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        raise _cause(error) from error
    except NearfarError:
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] == "ray":
            raise _cause(error) from error
        raise


def _cause(error: BaseException) -> NearfarError:
    """Find the error of nearfar's own in one of Ray's, or in what that tells."""
    at: BaseException | None = error
    while at is not None:
        inner = getattr(at, "cause", None)
        if isinstance(inner, NearfarError):
            return inner
        at = inner if isinstance(inner, BaseException) else at.__cause__
    found = re.findall(r"nearfar\.errors\.(\w+): (.+)", str(error))
    if found:
        name, sentence = found[-1]
        kind: type[NearfarError] = getattr(errors, name, NearfarError)
        return kind(sentence.strip())
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = lines[-1] if lines else type(error).__name__
    return ScaleError(f"the cluster failed ({told[:300]}): run the same again to go on")
