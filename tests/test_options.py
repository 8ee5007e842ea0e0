"""Options say in one line what is wrong."""

import pytest
from pydantic import Field

from nearfar.errors import UsageError
from nearfar.options import Options


class Lens(Options):
    """A set of options as an effect would have it."""

    blades: int = Field(6, ge=3, le=12, description="How many.")
    name: str = "round"


def test_right_values_are_taken() -> None:
    assert Lens.of(blades=5).blades == 5


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"blades": 2}, "blades: input should be greater than or equal to 3, not 2"),
        ({"blades": "many"}, "blades: input should be a valid integer"),
        ({"leaves": 1}, "leaves: extra inputs are not permitted, not 1"),
    ],
)
def test_wrong_values_are_named_in_one_line(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as caught:
        Lens.of(**values)
    assert "\n" not in str(caught.value)


def test_every_fault_is_named() -> None:
    with pytest.raises(UsageError, match=r"blades: .*; name: "):
        Lens.of(blades=99, name=3)
