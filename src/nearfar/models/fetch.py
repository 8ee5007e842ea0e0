"""Download one file: whole and right, or not at all.

pooch decides whether the file is needed, hashes what came and moves it into place;
`Transfer` is the downloader that it is given.

While a download runs, `<file>.part` and `<file>.lock` lie beside the file. A process that
is killed leaves these two, and the next download goes on with the part.

Environment:
    NEARFAR_OFFLINE: anything but empty, 0, false, no or off: no socket is opened.
    NEARFAR_MIRROR: base address that is tried first; the file's name is appended.
    HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY: as everywhere.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from logging import WARNING, Logger
from pathlib import Path
from urllib.parse import quote, urlsplit

from nearfar.errors import ChecksumError, DownloadError, OfflineError
from nearfar.io.atomic import sync_parents
from nearfar.models.lock import locked
from nearfar.models.transfer import Progress, Transfer


def fetch(
    urls: Sequence[str],
    target: Path,
    sha256: str,
    size_bytes: int,
    *,
    name: str,
    progress: Progress | None = None,
) -> None:
    """Make `target` the file with this SHA-256; nothing is fetched if it is that already.

    Processes that fetch the same target at once wait for each other, and one transfers.

    Args:
        urls: http or https addresses, tried in turn after the mirror.
        target: the file to make. Its folder is made if need be, and is nearfar's alone.
        sha256: 64 hex digits.
        size_bytes: of the file; never more than this is written.
        name: of the model, for messages.
        progress: told how far the transfer is.

    Raises:
        OfflineError: NEARFAR_OFFLINE is set.
        DownloadError: every address failed; the message names each host and why.
        ChecksumError: what came is not the file. Neither it nor a part is kept.
        WriteError: the disk is full or refuses.
    """
    remedy = f"bring the file yourself: nearfar models add {name} {target.name}"
    if os.environ.get("NEARFAR_OFFLINE", "").strip().lower() not in ("", "0", "false", "no", "off"):
        raise OfflineError(
            f"{name} is not fetched because NEARFAR_OFFLINE is set: unset it, or {remedy}"
        )
    sources = _sources(urls, target.name)
    if not sources:
        raise DownloadError(f"{name} has no address: set NEARFAR_MIRROR, or {remedy}")
    transfer = Transfer(sources, target.with_name(f"{target.name}.part"), size_bytes, progress)
    try:
        _fetch(transfer, target, sha256)
    except DownloadError as error:
        raise DownloadError(
            f"{name} can't be fetched: {error}. Try again, set NEARFAR_MIRROR, or {remedy}"
        ) from error
    except ValueError as error:
        raise ChecksumError(
            f"what {transfer.host} sent for {name} has not the SHA-256 {sha256[:12]}...: "
            "nothing was kept; pull again, and check NEARFAR_MIRROR if it is set"
        ) from error


def _fetch(transfer: Transfer, target: Path, sha256: str) -> None:
    """Let pooch do it, one process at a time; ValueError is its word for a wrong hash."""
    import pooch

    def download(_url: str, temporary: str, _pooch: object) -> None:
        Path(temporary).unlink()  # so that whoever is killed during the transfer leaves a part
        transfer.run()
        target.unlink(missing_ok=True)  # it is bad, and Windows won't rename onto it
        transfer.part.replace(temporary)

    def retrieve() -> None:
        pooch.retrieve(
            transfer.urls[0], f"sha256:{sha256}", target.name, target.parent, downloader=download
        )

    with locked(target), _quiet(pooch.get_logger()):
        for leftover in target.parent.glob("tmp" + "[a-z0-9_]" * 8):
            leftover.unlink()  # pooch's, of a process killed between transfer and move
        went_on = transfer.part.exists()
        try:
            retrieve()
        except ValueError:
            if not went_on:
                raise
            retrieve()  # the old part may have been the bad one: from the start
        sync_parents([target], target.parent)


def _sources(urls: Sequence[str], file: str) -> tuple[str, ...]:
    mirror = os.environ.get("NEARFAR_MIRROR", "").strip()
    sources = (f"{mirror.rstrip('/')}/{quote(file)}", *urls) if mirror else tuple(urls)
    for source in sources:
        if not _is_web(source):
            what = "NEARFAR_MIRROR" if mirror and source == sources[0] else "an address"
            raise DownloadError(f"{what} must begin with http:// or https:// and name a host")
    return sources


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # half an IPv6 address, for instance
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


@contextmanager
def _quiet(logger: Logger) -> Iterator[None]:
    """Keep pooch's notes off standard error: its logger prints INFO whatever the host says."""
    level = logger.level
    logger.setLevel(WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
