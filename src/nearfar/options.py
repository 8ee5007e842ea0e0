"""What every set of options has in common."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from nearfar.errors import UsageError

if TYPE_CHECKING:
    from typing_extensions import Self


class Options(BaseModel):
    """A set of options, each declared once with its range, default and sentence.

    The command line, the HTTP schema and the sliders of the page are made from the fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, **values: Any) -> "Self":
        """Make the options, or say in one line which value is wrong.

        Raises:
            UsageError: a value is out of its range or has no field.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise UsageError(in_one_line(error)) from error


def in_one_line(error: ValidationError) -> str:
    """Say what is wrong with a set of options: every field, its fault and what was given."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}:"
        f" {fault['msg'][0].lower()}{fault['msg'][1:]}, not {fault['input']!r}"
        for fault in error.errors()
    )
