"""Write a file whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nearfar.errors import NearfarError, OutputExistsError, WriteError


@contextmanager
def replacing(path: str | os.PathLike[str], *, overwrite: bool = True) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; on success it takes the place of `path`.

    If the block raises, or the process dies, whatever stood at `path` stands there still.

    Args:
        path: the file to make. Its folder must exist.
        overwrite: replace a file that is there. If not, a file that is there,
            also one that came into being meanwhile, is kept.

    Yields:
        The temporary path, with the suffix of `path`, for the block to write to.

    Raises:
        OutputExistsError: `path` is there and `overwrite` is False.
        WriteError: the system refused: full disk, no permission, no such folder.
    """
    target = Path(path)
    if not overwrite and target.exists():
        raise OutputExistsError(f"{target} is there already: use --force to replace it")
    temporary = target.with_name(f".{target.stem[:40]}-{os.urandom(4).hex()}{target.suffix}")
    try:
        temporary.open("xb").close()  # a folder that refuses is told before any work is done
        yield temporary
        if overwrite:
            temporary.replace(target)
        else:
            target.open("xb").close()  # unlike a rename, fails where something stands
            temporary.replace(target)
    except NearfarError:
        raise
    except FileExistsError as error:
        raise OutputExistsError(f"{target} is there already: use --force to replace it") from error
    except OSError as error:
        raise _refused(target, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _refused(target: Path, error: OSError) -> WriteError:
    return WriteError(f"can't write {target}: {error.strerror or error}")
