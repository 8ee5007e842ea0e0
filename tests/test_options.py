"""Options say in one line what is wrong, and tell others what they are."""

from dataclasses import FrozenInstanceError, dataclass
from typing import Literal

import pytest
from pydantic import TypeAdapter

from nearfar.config import Options, option
from nearfar.errors import UsageError


@dataclass(frozen=True)
class Lens(Options):
    """A set of options as an effect would have it."""

    name: str = option("What it is called.")
    blades: int = option("How many.", 6, ge=3, le=12)
    speed: float | None = option("Its f-number.", None, gt=0)
    shape: Literal["round", "square"] = option("Of the hole.", "round")
    is_clean: bool = option("Whether it is.", default=True)


def test_right_values_are_taken() -> None:
    lens = Lens.of(name="a", blades=5, speed=2)
    assert lens.values() == {
        "name": "a",
        "blades": 5,
        "speed": 2,
        "shape": "round",
        "is_clean": True,
    }
    with pytest.raises(FrozenInstanceError):
        lens.blades = 7  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"blades": 2}, "blades must be at least 3, not 2"),
        ({"blades": 13}, "blades must be at most 12, not 13"),
        ({"blades": "many"}, "blades must be a whole number, not 'many'"),
        ({"blades": True}, "blades must be a whole number, not True"),
        ({"blades": 5.5}, "blades must be a whole number, not 5.5"),
        ({"speed": 0}, "speed must be more than 0, not 0"),
        ({"speed": float("nan")}, "speed must be more than 0, not nan"),
        ({"speed": "fast"}, "speed must be a number, not 'fast'"),
        ({"shape": "oval"}, "shape must be round or square, not 'oval'"),
        ({"is_clean": 1}, "is_clean must be true or false, not 1"),
        ({"leaves": 1}, "no option leaves: there are blades, is_clean"),
    ],
)
def test_wrong_values_are_named_in_one_line(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        Lens.of(**{"name": "a", **values})
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_value_is_named() -> None:
    with pytest.raises(UsageError, match="name must be given"):
        Lens.of()


def test_every_fault_is_named() -> None:
    with pytest.raises(UsageError, match=r"name must be .*; blades must be "):
        Lens.of(name=3, blades=99)


def test_pydantic_reads_range_default_and_sentence() -> None:
    schema = TypeAdapter(Lens).json_schema()
    blades = schema["properties"]["blades"]
    assert (blades["minimum"], blades["maximum"], blades["default"]) == (3, 12, 6)
    assert blades["description"] == "How many."
    assert schema["properties"]["shape"]["enum"] == ["round", "square"]
    assert schema["required"] == ["name"]
    assert TypeAdapter(Lens).validate_python({"name": "b"}) == Lens("b")
