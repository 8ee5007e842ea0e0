"""The certificate of HTTPS: the user's own, or a self-signed one that is made and kept.

Browsers give the camera to secure pages only: localhost, or HTTPS.
"""

import datetime as dt
import ipaddress
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nearfar.errors import UsageError, WriteError
from nearfar.io.atomic import replacing
from nearfar.io.paths import cache_folder
from nearfar.io.run_folder import run_folder
from nearfar.optional import require
from nearfar.service.settings import ServiceOptions

if TYPE_CHECKING:
    from cryptography import x509

_DAYS: Final = 397
"""Validity of a certificate that is made: the most that browsers accept of public ones."""

_DAYS_LEFT: Final = 30
"""A kept certificate with fewer is made anew."""

_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_PROBES: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses of documentation (RFC 5737, RFC 3849): a route to them begins at this machine's own."""


@dataclass(frozen=True)
class Certificate:
    """Two PEM files.

    Attributes:
        cert: certificate, with the chain.
        key: private key.
    """

    cert: Path
    key: Path


def certificate_of(options: ServiceOptions) -> Certificate | None:
    """Return the certificate of a service; a self-signed one is made where none is named.

    Returns:
        None for plain HTTP.

    Raises:
        UsageError: only one of the two files is named, or they can't be used.
        MissingExtraError: a certificate is to be made, and `cryptography` is not installed.
        WriteError: there is no folder for it.
    """
    if not options.is_secure:
        return None
    if options.tls_cert is None and options.tls_key is None:
        return _self_signed(_folder(), names_of(options))
    if options.tls_cert is None or options.tls_key is None:
        raise UsageError(
            "tls_cert and tls_key belong together: give both", options=("tls_cert", "tls_key")
        )
    given = Certificate(Path(options.tls_cert), Path(options.tls_key))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(given.cert, given.key, _no_password)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"can't use {given.cert} with the key {given.key}: {reason}: both must be PEM files,"
            " the key without a password, and belong together"
        ) from error
    return given


def names_of(options: ServiceOptions) -> tuple[str, ...]:
    """Return the names and addresses at which browsers find the service, sorted."""
    machine = socket.gethostname().lower()
    names = {*_LOCAL, machine, *(each for each in options.hosts if each != "*")}
    names |= set(lan_addresses())
    with suppress(ValueError):
        if not ipaddress.ip_address(options.host).is_unspecified:
            names.add(options.host)
    return tuple(sorted(names))


def lan_addresses() -> tuple[str, ...]:
    """Return the addresses of this machine on its networks; nothing is sent."""
    found = set()
    with suppress(OSError):
        for *_, address in socket.getaddrinfo(socket.gethostname(), None):
            found.add(str(address[0]))
    for family, target in _PROBES:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))  # of UDP: only a route is chosen
            found.add(probe.getsockname()[0])
    whole = {ipaddress.ip_address(each.partition("%")[0]) for each in found}
    return tuple(
        sorted(str(each) for each in whole if not (each.is_loopback or each.is_link_local))
    )


def _no_password() -> str:
    raise ValueError("the key has a password")


def _folder() -> Path:
    kept = cache_folder()
    return run_folder("tls") if kept is None else kept / "tls"


def _self_signed(folder: Path, names: tuple[str, ...]) -> Certificate:
    """Return the certificate that is kept in a folder, or make one if it does not fit."""
    made = Certificate(folder / "self-signed.pem", folder / "self-signed-key.pem")
    require("cryptography")
    if not _fits(made, names):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(
                f"can't keep a certificate in {folder}: {error.strerror}: set NEARFAR_CACHE to a"
                " folder that can be written"
            ) from error
        key, cert = _make(names)
        _write(made.key, key)
        _write(made.cert, cert)
    return made


def _fits(kept: Certificate, names: tuple[str, ...]) -> bool:
    """Return whether a kept certificate has all names, some time left, and its key."""
    from cryptography.x509 import load_pem_x509_certificate

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(kept.cert, kept.key, _no_password)
        cert = load_pem_x509_certificate(kept.cert.read_bytes())
    except (OSError, ValueError):  # none yet, or damaged, or of two runs
        return False
    left = cert.not_valid_after_utc - dt.datetime.now(dt.timezone.utc)
    return left.days >= _DAYS_LEFT and set(names) <= _subject_names(cert)


def _subject_names(cert: "x509.Certificate") -> set[str]:
    from cryptography import x509

    kept = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {
        *kept.get_values_for_type(x509.DNSName),
        *map(str, kept.get_values_for_type(x509.IPAddress)),
    }


def _make(names: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Make a key (P-256) and a certificate for it, both as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nearfar, self-signed")])
    now = dt.datetime.now(dt.timezone.utc)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))  # clocks of phones differ
        .not_valid_after(now + dt.timedelta(days=_DAYS - 1))
        .add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, cert.public_bytes(pem)


def _general(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes) -> None:
    """Write a file that only this user can read."""
    with replacing(path) as temporary:
        temporary.chmod(0o600)  # it is still empty
        temporary.write_bytes(content)
