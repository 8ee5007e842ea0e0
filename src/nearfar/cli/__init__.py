"""Run the command line `nearfar`. A command is a file, imported only when it is called."""

import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from cyclopts import App, CycloptsError, Parameter

from nearfar.cli._examples import EXAMPLES, epilogue
from nearfar.cli._shared import OPTIONS, UnknownFlagError, never_fail, sentence_of
from nearfar.errors import NearfarError
from nearfar.version import __version__


def _default_text(value: object) -> str | None:
    """Return the default of an option as the help shows it; None for a flag, and for no value."""
    if value is None or value is False or value in ("", ()):
        return None
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


app = App(
    name="nearfar",
    help="Estimate depth from one photo, on any CPU. `nearfar photo.jpg` is short for `nearfar"
    " estimate photo.jpg`.",
    group_parameters=OPTIONS,
    default_parameter=Parameter(show_default=_default_text),
    help_epilogue="Add --debug to any command to see the traceback of an error.",
    version=__version__,
    result_action="return_value",
)

COMMANDS = {
    "estimate:estimate": "Estimate the depth of photos.",
    "batch:batch": "Estimate any number of photos, on all the machines of a Ray cluster.",
    "probe:probe": "Read how near points of a photo are.",
    "serve:serve": "Start the web page, and the service behind it.",
    "effect:app": "Apply an effect: blur, fog, stereo, stickers, sound ...",
    "cloud:cloud": "Turn a photo into a point cloud.",
    "mesh:mesh": "Turn a photo into a textured surface.",
    "video:video": "Make the depth of a clip visible, without flicker.",
    "live:live": "Show the depth of a camera or stream, live.",
    "models:app": "List, fetch, add and check models.",
    "train:train": "Train a network on photos with depth beside them.",
    "evaluate:evaluate": "Measure models on pictures whose depth is known.",
    "export:export": "Turn a checkpoint into ONNX.",
    "quantize:quantize": "Turn a model into int8: smaller, and faster where that pays.",
    "bench:bench": "Time models and runtimes on this machine.",
    "doctor:doctor": "List what is installed, what is missing, and which model `auto` takes.",
    "completion:completion": "Print the script with which a shell completes commands and options.",
}
"""Module and object of each command, and its line in `nearfar --help`, which imports none."""

_NAMES = [place.partition(":")[0] for place in COMMANDS]

for (_place, _help), _name in zip(COMMANDS.items(), _NAMES, strict=True):
    # an App declares its epilogue itself
    _examples = () if _place.endswith(":app") else EXAMPLES.get(_name, ())
    _end_of_help = {"help_epilogue": epilogue(_examples)} if _examples else {}
    app.command(f"nearfar.cli.{_place}", name=_name, help=_help, **_end_of_help)


def main(tokens: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 failed, 2 used wrongly, 130 interrupted, 143 terminated."""
    given = list(sys.argv[1:] if tokens is None else tokens)
    options, operands = _parted(given)
    if _is_photo(*(options or operands[1:])[:1]):
        options = ["estimate", *options]
    debug = "--debug" in options
    # A process that lives for half a second makes more objects than garbage: to collect neither
    # while it imports nor once more as it ends saves a tenth of its core time
    # (benchmarks/collector.py).
    gc.set_threshold(100_000, 50, 100)
    try:
        never_fail()
        with _tidy():
            status = _run([word for word in options if word != "--debug"] + operands, debug=debug)
    finally:
        gc.freeze()
    sys.exit(status)


def _is_photo(first: str = "") -> bool:
    """Return whether the first word is a photo or a folder of photos instead of a command."""
    if first == "-":
        return True
    if not first or first in _NAMES or first.startswith("-"):
        return False
    if os.path.exists(first):  # noqa: PTH110 - a Path's raises for some names
        return True
    from nearfar.io.images import IMAGE_SUFFIXES

    return os.path.splitext(first)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """Divide words at the first `--`, behind which every word is an operand, also `-x.jpg`.

    Operands are files: those that look like options are given as `./-x.jpg`, which no parser
    takes for one.
    """
    if "--" not in words:
        return words, []
    at = words.index("--")
    is_like_option = [word.startswith("-") and word != "-" for word in words[at + 1 :]]
    operands = [
        f"./{word}" if like else word
        for word, like in zip(words[at + 1 :], is_like_option, strict=True)
    ]
    return words[:at], ["--", *operands]


@contextmanager
def _tidy() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a command as an error does, so that no half file is left.

    A handler that is set already, as by `nohup`, is kept.
    """
    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = [each for each in signals if signal.getsignal(each) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        ours = []
    for each in ours:
        signal.signal(each, _end)
    try:
        yield
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)


def _end(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not interrupt the cleanup
    raise SystemExit(128 + number)


def _run(tokens: list[str], *, debug: bool) -> int:
    try:
        status = app(tokens, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except CycloptsError as error:
        return _fail(_sentence(error), 2, debug=debug)
    except NearfarError as error:
        return _fail(sentence_of(error), error.exit_status, debug=debug)
    except KeyboardInterrupt:
        return _fail("interrupted", 130, debug=debug)
    except BrokenPipeError:
        # the reader of a pipe went away; keep the interpreter's own flush from failing again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _fail(_refused(error), 1, debug=debug)
    return status if isinstance(status, int) else 0


def _fail(sentence: str, status: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"nearfar: {sentence}", file=sys.stderr)
    return status


def _refused(error: OSError) -> str:
    name = f"{os.fsdecode(error.filename)}: " if error.filename else ""
    return f"{name}{error.strerror or error}"


def _sentence(error: CycloptsError) -> str:
    if isinstance(error.__cause__, NearfarError):
        return sentence_of(error.__cause__)
    chain = error.command_chain or ()
    if isinstance(error.__cause__, UnknownFlagError):
        text = f"unknown option {error.__cause__}.{_suggestion(str(error.__cause__), chain)}"
    else:
        text = " ".join(str(error).split())
    return f"{text} See: {' '.join(('nearfar', *chain, '--help'))}"


def _suggestion(flag: str, chain: Sequence[str]) -> str:
    """Return which option of a command may have been meant, as a sentence; or nothing."""
    import difflib

    command = app
    for name in chain:
        command = command[name]
    names = [name for each in command.assemble_argument_collection() for name in each.names]
    close = difflib.get_close_matches(flag.partition("=")[0], names, n=1)
    return f" Did you mean {close[0]}?" if close else ""
