"""Under which names a service may be asked for: a page that lets its own name point here may not.

By DNS rebinding any web site can have a visitor's browser talk to a service that only this machine
can reach. What such a request can't choose is the name in `Host`: that of the site.
"""

import ipaddress
import socket
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from nearfar.service.settings import ServiceOptions

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Hosts:
    """The names of a service.

    Those are the names of this machine for itself, the address that is listened on, the one that
    the request came to, and those of `allowed_hosts`. Where all addresses are listened on, also
    the machine's own name, and any address: from beyond a router it has one that it can't know.

    Args:
        options: of the service.
    """

    def __init__(self, options: ServiceOptions) -> None:
        self._names = {*_LOCAL, options.host.lower(), *options.hosts}
        self._is_everywhere = _is_unspecified(options.host)
        if not options.is_local:
            self._names.add(socket.gethostname().lower())

    def knows(self, scope: Scope) -> bool:
        """Say whether a request asks for a name of this service. One without a name does not."""
        given = Headers(scope=scope).getlist("host")
        if len(given) != 1:
            return False
        if "*" in self._names:
            return True
        name = name_of(given[0])
        server = scope.get("server")
        if name in self._names or (server and name == server[0]):
            return True
        return self._is_everywhere and _is_address(name)


def name_of(host: str) -> str:
    """Take the port, and the brackets of an IPv6 address, off a `Host`."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return not host
