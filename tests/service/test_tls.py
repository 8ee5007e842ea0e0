"""HTTPS: with a certificate of the user's own, or one that is made and kept."""

import datetime as dt
import ipaddress
import json
import os
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from websockets.sync.client import connect

from nearfar.errors import UsageError, WriteError
from nearfar.service import tls
from nearfar.service.server import address_of, warning_of
from nearfar.service.settings import ServiceOptions
from nearfar.service.tls import Certificate, certificate_of, lan_addresses, names_of
from tests.service.network import Network
from tests.service.served import Served, served

SECURE = ServiceOptions(tls=True)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def made(options: ServiceOptions = SECURE) -> Certificate:
    certificate = certificate_of(options)
    assert certificate is not None
    return certificate


def read(certificate: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.cert.read_bytes())


@pytest.fixture(scope="module")
def secure(
    module_network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, Certificate]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARFAR_CACHE", str(tmp_path_factory.mktemp("cache")))
        certificate = made()
        cert, key = str(certificate.cert), str(certificate.key)
        with served(tls_cert=cert, tls_key=key) as service:
            yield service, certificate


def test_a_made_certificate_has_the_names_of_this_machine(cache: Path) -> None:
    options = replace(SECURE, host="192.0.2.9", allowed_hosts="camera.example, *")
    certificate = made(options)
    names = read(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = set(map(str, names.get_values_for_type(x509.IPAddress)))
    assert {"127.0.0.1", "::1", "192.0.2.9", *lan_addresses()} == addresses
    assert {"localhost", "camera.example"} <= set(names.get_values_for_type(x509.DNSName))
    assert certificate.cert.is_relative_to(cache)


def test_addresses_of_the_network_are_neither_local_nor_of_the_link() -> None:
    for each in map(ipaddress.ip_address, lan_addresses()):
        assert not each.is_loopback
        assert not each.is_link_local


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such mode")
def test_nobody_else_reads_the_key(cache: Path) -> None:
    assert made().key.stat().st_mode & 0o777 == 0o600


def test_a_kept_certificate_is_taken_again(cache: Path) -> None:
    first = read(made())
    assert read(made()) == first


def test_a_certificate_is_made_anew_where_it_does_not_fit(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read(made())
    monkeypatch.setattr(tls, "_DAYS_LEFT", 400)
    second = read(made())
    assert second != first, "it ends too soon"
    monkeypatch.undo()
    monkeypatch.setenv("NEARFAR_CACHE", str(cache))
    third = read(made(replace(SECURE, host="192.0.2.9")))
    assert third != second, "a name is new"
    made().key.write_text("damaged")
    assert read(made()) != third
    left = third.not_valid_after_utc - dt.datetime.now(dt.timezone.utc)
    assert 390 < left.days < 398


def test_a_folder_that_can_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(WriteError, match="set NEARFAR_CACHE"):
        made()


def test_a_certificate_with_the_key_of_another_is_refused(cache: Path, tmp_path: Path) -> None:
    certificate = made()
    other = tls._self_signed(tmp_path / "other", names_of(SECURE))
    options = ServiceOptions(tls_cert=str(certificate.cert), tls_key=str(other.key))
    with pytest.raises(UsageError, match="belong together"):
        certificate_of(options)
    assert certificate_of(ServiceOptions()) is None


def test_clients_that_know_the_certificate_are_served(
    secure: tuple[Served, Certificate], photo: bytes
) -> None:
    service, certificate = secure
    trusting = ssl.create_default_context(cafile=str(certificate.cert))
    for host in ("127.0.0.1", "localhost"):
        address = f"https://{host}:{service.port}"
        answer = httpx.post(f"{address}/v1/depth", content=photo, verify=trusting)
        assert answer.status_code == 200
    with connect(f"wss://localhost:{service.port}/v1/stream", ssl=trusting) as stream:
        stream.send(json.dumps({"type": "settings"}))
        assert json.loads(stream.recv(10))["type"]
    foreign = httpx.get(f"{address}/", headers={"Host": "evil.example"}, verify=trusting)
    assert foreign.status_code == 403


def test_clients_that_do_not_know_it_refuse(secure: tuple[Served, Certificate]) -> None:
    service, _ = secure
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://127.0.0.1:{service.port}/healthz")


def test_the_address_says_https() -> None:
    assert address_of(SECURE, 7860) == "https://127.0.0.1:7860"
    assert address_of(ServiceOptions(host="::1"), 80) == "http://[::1]:80"
    with_token = replace(SECURE, host="192.0.2.9", token="a")  # noqa: S106 - a made-up one
    assert "unencrypted" not in warning_of(with_token, "https://192.0.2.9:7860")
    assert "unencrypted" in warning_of(replace(with_token, tls=False), "http://192.0.2.9:7860")
