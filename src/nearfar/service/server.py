"""Start the service, and stop it after the accepted requests are done."""

import asyncio
import contextlib
import errno
import math
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from nearfar.errors import UsageError
from nearfar.service.app import drain, make_app
from nearfar.service.connections import Connections
from nearfar.service.middleware import is_unspecified
from nearfar.service.observability import start_logging
from nearfar.service.protocols import HttpConnection, WebSocketConnection
from nearfar.service.settings import ServiceOptions
from nearfar.service.tls import Certificate, certificate_of, lan_addresses

_KEPT_S = 7
"""Longer than clients keep a connection that they don't use, so that theirs is the end of it."""

_TICK_S = 0.1
_LOOKED_TICKS = 3


def run(
    options: ServiceOptions,
    *,
    tell: Callable[[str], None],
    warn: Callable[[str], None],
    is_port_fixed: bool = True,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until SIGTERM, SIGHUP or SIGINT; a second SIGINT stops at once.

    Args:
        options: of the service.
        tell: gets the line with the address, once the service listens.
        warn: gets a line if others than this machine can reach it.
        is_port_fixed: fail if the port is in use; if False, the next free one is taken.
        ready: gets the address of the page on this machine, once the model is loaded.

    Raises:
        UsageError: the address can't be listened on, or the certificate can't be used.
        MissingExtraError: a certificate is to be made, and `cryptography` is not installed.
        NearfarError: the model can't be loaded.
    """
    certificate = certificate_of(options)
    with contextlib.closing(bind(options, tries=1 if is_port_fixed else _PORTS)) as listener:
        port = listener.getsockname()[1]
        if options.port not in {0, port}:
            tell(f"port {options.port} is in use: taking {port}")
        address = address_of(options, port)
        hosts = ("localhost", *lan_addresses()) if is_unspecified(options.host) else (options.host,)
        places = ", ".join(address_of(replace(options, host=each), port) for each in hosts)
        if not options.is_local:
            warn(warning_of(options, address))
        start_logging()
        app = make_app(options)
        server = Server(
            app,
            options,
            listening=lambda: tell(f"nearfar is at {places} (Ctrl+C stops it)"),
            ready=lambda: ready(address_of(replace(options, host=hosts[0]), port)),
            certificate=certificate,
        )
        server.run(sockets=[listener])
    if server.failure is not None:
        raise server.failure


class LookedAfter(uvicorn.Server):
    """uvicorn, but it ends connections that take too long.

    Args:
        config: with the settings of `limited`.
        connections: those that it makes.
    """

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self.connections = connections

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections; uvicorn calls it ten times a second."""
        if counter % _LOOKED_TICKS == 0:
            self.connections.look_after()
        return await super().on_tick(counter)


class Server(LookedAfter):
    """uvicorn, but it finishes what was taken before it closes connections, and ends with 0.

    Args:
        app: of `make_app`.
        options: of the service.
        listening: called once connections are taken.
        ready: called once the model is loaded.
        certificate: of HTTPS; plain HTTP if None.
    """

    def __init__(
        self,
        app: FastAPI,
        options: ServiceOptions,
        listening: Callable[[], None] = lambda: None,
        *,
        ready: Callable[[], None] = lambda: None,
        certificate: Certificate | None = None,
    ) -> None:
        connections = Connections(options)
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # a client is who is at the other end, not who it says
                ws_max_size=options.max_bytes,
                timeout_keep_alive=_KEPT_S,
                ws_per_message_deflate=False,  # pictures do not deflate
                ssl_certfile=certificate.cert if certificate else None,
                ssl_keyfile=certificate.key if certificate else None,
                **limited(connections),
            ),
            connections,
        )
        self.app, self.options, self.listening = app, options, listening
        self.ready = ready
        self.failure: BaseException | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; stop again should the model fail to load."""
        await super().startup(sockets)
        self.app.state.starting.add_done_callback(self._started)
        self.listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no connections, finish what was taken, then close."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self.options.drain_s
        for each in self.servers:
            each.close()
        draining = asyncio.ensure_future(drain(self.app))
        while not (draining.done() or self.force_exit):
            await asyncio.wait((draining,), timeout=_TICK_S)
        streams: set[asyncio.Task[Any]] = self.app.state.streams
        for task in list(streams):
            task.cancel()
        self.config.timeout_graceful_shutdown = max(1, math.floor(end_s - loop.time()))
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on signals; unlike uvicorn, don't raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in _signals()}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _started(self, starting: asyncio.Task[None]) -> None:
        if starting.cancelled():
            return
        self.failure = starting.exception()
        if self.failure is None:
            self.ready()
        else:
            self.should_exit = True


def limited(connections: Connections) -> dict[str, Any]:
    """Return the settings of uvicorn for connections with limits."""
    return {
        "http": partial(HttpConnection, connections=connections),
        "ws": partial(WebSocketConnection, connections=connections),
        "backlog": max(8, min(128, connections.most // 2)),
    }


def _signals() -> list[signal.Signals]:
    """Return the signals that stop the service: SIGHUP is one, unless `nohup` ignores it."""
    wishes = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wishes.append(signal.SIGHUP)
    return wishes


_PORTS: Final = 20
"""Ports that are tried, one after the other, where none was chosen."""


def bind(options: ServiceOptions, *, tries: int = 1) -> socket.socket:
    """Make the socket that the service listens on.

    Args:
        options: with the address.
        tries: ports that are tried, from `options.port` on, as long as they are in use.

    Raises:
        UsageError: the system refuses the address.
    """
    try:
        return _listener(options.host, options.port)
    except OSError as error:
        if tries > 1 and error.errno == errno.EADDRINUSE and 0 < options.port < 65535:
            with contextlib.suppress(UsageError):  # the port that was wished for is named
                return bind(replace(options, port=options.port + 1), tries=tries - 1)
        raise UsageError(
            f"can't listen on {options.host}, port {options.port}:"
            f" {error.strerror or error}: choose another host or port",
            options=("host", "port"),
        ) from error


def _listener(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return socket.create_server(address[:2], family=family, backlog=2048)


def address_of(options: ServiceOptions, port: int) -> str:
    """Return the URL of a service that listens on a port."""
    host = options.host
    scheme = "https" if options.is_secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def warning_of(options: ServiceOptions, address: str) -> str:
    """Return the warning for a service that other machines can reach."""
    if options.token:
        encryption = "" if options.is_secure else ", unencrypted"
        return f"{address} can be reached from other machines, with the token{encryption}"
    return (
        f"{address} can be reached by everyone on the network:"
        " ask for a token with NEARFAR_SERVE_TOKEN, or listen on 127.0.0.1"
    )
