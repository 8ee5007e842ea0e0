"""Parse multipart forms (RFC 7578) incrementally."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from nearfar.errors import FormError, FormTooLargeError

TEXT_BYTES: Final = 64 * 2**10
"""Largest size of a text field."""

_HEADER_BYTES: Final = 8 * 2**10
_LONGEST_STEM: Final = 100


@dataclass
class Part:
    """One field of a form.

    Attributes:
        name: of the field.
        file_name: from the client, not validated; empty without one.
        content: of the field.
    """

    name: str = ""
    file_name: str = ""
    content: bytearray = field(default_factory=bytearray)


async def read_form(
    content_type: str,
    pieces: AsyncIterator[bytes],
    *,
    allowed: Mapping[str, int],
    into: Mapping[str, bytearray] = MappingProxyType({}),
    begun: Callable[[Part], None] = lambda _: None,
) -> dict[str, Part]:
    """Read a form.

    Args:
        content_type: of the request, with the boundary.
        pieces: of its body; the caller limits their total size.
        allowed: names of the permitted fields, once each, and the largest number of bytes of each
            that is held in memory.
        into: buffers for the content of some fields; `pieces` may empty them between two pieces,
            so that a large file is not held in memory. The caller limits their size.
        begun: called with each field before its content.

    Raises:
        FormError: the form is incomplete, damaged, or has other fields.
        FormTooLargeError: a field is too large.
    """
    _, parameters = parse_options_header(content_type)
    reader = _Reader(allowed, into, begun)
    try:
        parser = MultipartParser(
            parameters.get(b"boundary", b""),
            {
                "on_part_begin": reader.begin,
                "on_header_field": reader.take_header_name,
                "on_header_value": reader.take_header_value,
                "on_header_end": reader.end_header,
                "on_headers_finished": reader.check,
                "on_part_data": reader.take_content,
                "on_part_end": reader.end,
                "on_end": reader.finish,
            },
        )
        async for piece in pieces:
            parser.write(piece)
        parser.finalize()
    except FormParserError as error:
        raise FormError("The form is damaged: send it again.") from error
    if not reader.is_whole:
        raise FormError("The form is truncated: send all of it.")
    return reader.parts


class _Reader:
    """Callbacks of the parser."""

    def __init__(
        self,
        allowed: Mapping[str, int],
        into: Mapping[str, bytearray],
        begun: Callable[[Part], None],
    ) -> None:
        self.allowed = allowed
        self.into = into
        self.begun = begun
        self.parts: dict[str, Part] = {}
        self.is_whole = False
        self._part = Part()
        self._header, self._value = bytearray(), bytearray()

    def begin(self) -> None:
        self._part = Part()

    def take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._check_header()

    def take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, parameters = parse_options_header(bytes(self._value))
            self._part.name = parameters.get(b"name", b"").decode(errors="replace")
            self._part.file_name = parameters.get(b"filename", b"").decode(errors="replace")
        self._header, self._value = bytearray(), bytearray()

    def check(self) -> None:
        """Validate a field before its content is read."""
        names = ", ".join(sorted(self.allowed))
        if self._part.name not in self.allowed:
            raise FormError(f"The form may have only the fields {names}.")
        if self._part.name in self.parts:
            raise FormError(f"The form may have each of {names} only once.")
        self._part.content = self.into.get(self._part.name, self._part.content)
        self.begun(self._part)

    def take_content(self, data: bytes, start: int, end: int) -> None:
        name, size = self._part.name, len(self._part.content) + end - start
        if name not in self.into and size > self.allowed[name]:
            limit = self.allowed[name] / 2**20
            raise FormTooLargeError(f"The field {name} has more than {limit:.6g} MiB: send less.")
        self._part.content += data[start:end]

    def end(self) -> None:
        self.parts[self._part.name] = self._part

    def finish(self) -> None:
        self.is_whole = True

    def _check_header(self) -> None:
        if len(self._header) + len(self._value) > _HEADER_BYTES:
            raise FormTooLargeError("A header of a field is too long: use a shorter file name.")


def stem_of(name: str, other: str) -> str:
    """Return a file name's stem, shortened and printable, or `other` if nothing is left."""
    stem = PurePosixPath(name.replace("\\", "/")).stem
    kept = "".join(letter for letter in stem if letter.isprintable())
    return kept[:_LONGEST_STEM] if kept.strip(".") else other  # `..` is a folder
