"""Uploads that someone has tampered with: each gets its answer, and the service lives on."""

import numpy as np
import pytest

from tests.picturefiles import noise, saved
from tests.service.network import Network
from tests.service.served import Served

COUNT = 600
EXPECTED = {200, 413, 415, 422}


def seeds() -> list[bytes]:
    picture = noise(40, 56)
    smooth = np.repeat(np.linspace(0, 255, 64, dtype=np.uint8)[:, None], 48, 1)
    return [
        saved(picture, "JPEG"),
        saved(np.dstack([smooth] * 3), "JPEG", progressive=True),
        saved(picture, "PNG"),
        saved(picture, "WEBP"),
        saved(picture, "WEBP", lossless=True),
        saved(picture, "GIF"),
        saved(picture, "BMP"),
        saved(picture, "TIFF"),
    ]


def tampered(chance: np.random.Generator, files: list[bytes]) -> bytes:
    """Cut off, flip, splice, repeat, overwrite, or give something else altogether."""
    data = bytearray(files[int(chance.integers(len(files)))])
    kind = int(chance.integers(7))
    if kind == 0:
        return bytes(data[: int(chance.integers(len(data)))])
    if kind == 1:
        for _ in range(int(chance.integers(1, 21))):
            data[int(chance.integers(len(data)))] ^= 1 << int(chance.integers(8))
    elif kind == 2:
        other = files[int(chance.integers(len(files)))]
        return (
            bytes(data[: int(chance.integers(len(data)))])
            + other[int(chance.integers(len(other))) :]
        )
    elif kind == 3:
        at = int(chance.integers(len(data)))
        data[at:at] = data[at : at + int(chance.integers(1, 65))] * int(chance.integers(1, 51))
    elif kind == 4:
        at = int(chance.integers(min(64, len(data))))  # headers: sizes, depths, lengths
        data[at : at + 4] = chance.bytes(4)
    elif kind == 5:
        at, length = int(chance.integers(len(data))), int(chance.integers(1, 201))
        del data[at : at + length]
    else:
        return bytes(data[:12]) + chance.bytes(int(chance.integers(400)))
    return bytes(data)


@pytest.mark.parametrize("part", range(3))
def test_tampered_uploads_are_answered(service: Served, network: Network, part: int) -> None:
    chance, files = np.random.default_rng(part), seeds()
    statuses = dict.fromkeys(EXPECTED, 0)
    for number in range(COUNT // 3):
        upload = tampered(chance, files)
        query = {"format": str(chance.choice(["jpeg", "pfm", "png16"]))}
        if number % 2:
            form = {"photo": ("a.jpg", upload, "image/jpeg")}
            answer = service.client.post("/v1/depth", files=form, params=query)
        else:
            answer = service.depth(upload, **query)
        assert answer.status_code in EXPECTED, (part, number, answer.text)
        statuses[answer.status_code] += 1
        if answer.status_code != 200:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["type"].startswith("urn:nearfar:problem:")
            assert " at 0x" not in answer.text
    assert min(statuses[200], statuses[415], statuses[422]) > 0
    assert service.client.get("/readyz").status_code == 200
    assert service.depth(files[0]).status_code == 200
    assert service.engine.waiting == service.engine.running == 0


def test_tampered_forms_are_answered(service: Served, network: Network, photo: bytes) -> None:
    chance = np.random.default_rng(9)
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    whole = head + photo + b"\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    for _ in range(100):
        body = bytearray(whole)
        for _ in range(int(chance.integers(1, 5))):
            body[int(chance.integers(len(head)))] = int(chance.integers(256))
        sent = bytes(body if chance.random() < 0.5 else body[: int(chance.integers(len(body)))])
        answer = service.client.post("/v1/depth", content=sent, headers=kind)
        assert answer.status_code in EXPECTED | {400}, (sent[:100], answer.text)
    assert service.depth(photo).status_code == 200
    assert service.engine.waiting == service.engine.running == 0
