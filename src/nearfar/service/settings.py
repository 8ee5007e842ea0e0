"""The settings of the service, for the command line and the environment."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from nearfar.config import ImageLimits, Options, option
from nearfar.errors import UsageError
from nearfar.runtimes import cpu
from nearfar.runtimes.table import DeviceName, RuntimeName

if TYPE_CHECKING:
    from typing_extensions import Self

PREFIX: Final = "NEARFAR_SERVE_"
"""What the variables of the environment begin with."""

_DAY_S: Final = 86_400
_ROOT_PATH: Final = re.compile(r"(/[\w.~-]+)*", re.ASCII)
_ASKED: Final = "Require this bearer token of every request but those for health."


@dataclass(frozen=True)
class ServiceOptions(Options):
    """Address, workers and limits of the service."""

    host: str = option("Address to listen on; 0.0.0.0 is all of them.", "127.0.0.1")
    port: int = option("Port to listen on; 0 is any that is free.", 7860, ge=0, le=65535)
    token: str | None = field(
        default=None, repr=False, metadata={"help": _ASKED, "description": _ASKED}
    )
    model: str = option(
        "Model of requests that name none; auto is the best installed for a photo, the lightest for"
        " clips and streams.",
        "auto",
    )
    runtime: RuntimeName = option("Runtime of the models.", "auto")
    device: DeviceName = option(
        "Device of the models; auto is the CPU, or another that was measured to be faster.", "auto"
    )
    workers: int | None = option(
        "Requests that are processed at a time; the physical cores when not given.",
        None,
        ge=1,
        le=256,
    )
    threads: int = option("Threads of one run of the network.", 1, ge=1, le=256)
    queue: int = option("Requests that may wait for a worker.", 64, ge=0, le=100_000)
    per_client: int = option("Requests of one client that may wait or run.", 32, ge=1, le=100_000)
    max_bytes: int = option("Refuse bodies with more bytes than this.", 32 * 2**20, ge=1)
    max_pixels: int = option("Refuse pictures with more pixels than this.", 50_000_000, ge=1)
    upload_timeout_s: float = option(
        "A body must arrive within this, in seconds.", 20.0, gt=0, le=_DAY_S
    )
    timeout_s: float = option(
        "A request must be done within this, in seconds.", 60.0, gt=0, le=_DAY_S
    )
    connections: int | None = option(
        "Connections at a time; as many as descriptors allow, 2048 at most, when not given.",
        None,
        ge=1,
        le=100_000,
    )
    head_bytes: int = option(
        "Refuse requests whose line and headers have more bytes than this.",
        64 * 2**10,
        ge=1024,
        le=2**20,
    )
    head_timeout_s: float = option(
        "The line and headers of a request must arrive within this, in seconds.",
        10.0,
        gt=0,
        le=_DAY_S,
    )
    read_timeout_s: float = option(
        "An answer must be read within this, and as much again for each MiB of it, in seconds.",
        30.0,
        gt=0,
        le=_DAY_S,
    )
    unread_bytes: int = option(
        "Bytes of answers that may wait for slow readers; beyond it the oldest are dropped.",
        2**30,
        ge=1,
    )
    unread_bytes_per_client: int = option(
        "Bytes of answers that may wait for one client.", 256 * 2**20, ge=1
    )
    drain_s: float = option(
        "Time for accepted requests to finish when the service stops, in seconds.",
        20.0,
        ge=0,
        le=_DAY_S,
    )
    streams: int = option("Live streams at a time.", 16, ge=0, le=10_000)
    stream_fps: float = option(
        "Frames a second that one live stream may send.", 60.0, gt=0, le=1000
    )
    clips: int = option("Clips that are processed at a time.", 1, ge=1, le=64)
    clip_queue: int = option("Clips that may wait.", 8, ge=0, le=10_000)
    clips_per_client: int = option("Clips of one client that may wait or run.", 2, ge=1, le=10_000)
    clip_bytes: int = option("Refuse clips with more bytes than this.", 256 * 2**20, ge=1)
    clip_pixels: int = option(
        "Refuse clips whose frames have more pixels than this.", 3840 * 2160, ge=1
    )
    clip_frames: int = option("Refuse clips with more frames than this.", 9000, ge=1)
    clip_upload_timeout_s: float = option(
        "A clip must arrive within this, in seconds.", 300.0, gt=0, le=_DAY_S
    )
    clip_patience_s: float = option(
        "A clip is cancelled when nobody requests its state for so long, in seconds.",
        300.0,
        gt=0,
        le=_DAY_S,
    )
    clip_keep_s: float = option(
        "How long the result of a clip is kept, in seconds.", 3600.0, gt=0, le=_DAY_S
    )
    clip_disk_bytes: int = option(
        "Refuse clips when clips and results take more bytes of the disk than this.",
        4 * 2**30,
        ge=1,
    )
    allowed_hosts: str = option(
        "Host names of the service beside its own, comma separated; * is any.",
        "",
    )
    root_path: str = option(
        "Path below which a reverse proxy publishes the service, such as /depth.", ""
    )
    tls: bool = option(
        "Serve HTTPS; without a certificate of your own, with a self-signed one that is made.",
        default=False,
    )
    tls_cert: str | None = option("Serve HTTPS with this certificate, a PEM file.", None)
    tls_key: str | None = option("Private key of the certificate, a PEM file.", None)
    cors_origins: str = option(
        "Origins whose pages may call the service, comma separated; * is any, empty is none.", ""
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise UsageError("token must be of plain ASCII characters")
        if self.token is not None and (not self.token or " " in self.token):
            raise UsageError("token must not be empty or hold spaces: leave it out for none")
        if not _ROOT_PATH.fullmatch(self.root_path):
            raise UsageError(
                f"root_path must be like /depth, without a slash at its end, not {self.root_path!r}"
            )

    @property
    def limits(self) -> ImageLimits:
        """What of a picture is refused before it is decoded."""
        return ImageLimits(max_pixels=self.max_pixels, max_bytes=self.max_bytes)

    @property
    def worker_count(self) -> int:
        """`workers`, or the physical cores."""
        return cpu.threads_or_physical(self.workers)

    @property
    def origins(self) -> tuple[str, ...]:
        """`cors_origins`, one by one."""
        return tuple(each.strip() for each in self.cors_origins.split(",") if each.strip())

    @property
    def hosts(self) -> tuple[str, ...]:
        """`allowed_hosts`, one by one."""
        return tuple(each.strip().lower() for each in self.allowed_hosts.split(",") if each.strip())

    @property
    def is_secure(self) -> bool:
        """Whether it serves HTTPS."""
        return self.tls or self.tls_cert is not None or self.tls_key is not None

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, **given: Any) -> "Self":
        """Read NEARFAR_SERVE_<OPTION IN CAPITALS>; NEARFAR_SERVE_PORT for instance.

        Args:
            environ: the variables.
            given: options by name that win over the variables.

        Raises:
            UsageError: a value is wrong, or no option is called like this; the variable is named.
        """
        names = {PREFIX + each.name.upper(): each.name for each in fields(cls)}
        values = {}
        for variable, text in environ.items():
            if not variable.startswith(PREFIX):
                continue
            if variable not in names:
                raise UsageError(f"{variable}: no such setting: there are {', '.join(names)}")
            name = names[variable]
            if name in given:
                continue
            values[name] = cls.from_text(name, text)
            try:
                cls(**{name: values[name]})
            except UsageError as error:
                raise UsageError(f"{variable}: {error}") from error
        return cls.of(**{**values, **given})
