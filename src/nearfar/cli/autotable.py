"""What `auto` takes on this machine, as far as that is known without measuring."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from nearfar.errors import ModelMissingError
from nearfar.models.catalog import Purpose
from nearfar.models.registry import Store
from nearfar.runtimes import autotune
from nearfar.runtimes.autotune_cache import Choice, Way


@dataclass(frozen=True)
class Taken:
    """What `auto` takes for a purpose.

    Attributes:
        purpose: which.
        ways: what may be taken; one where it is known.
        choice: the times by which one of several was taken; None where none were measured.
        one_thread: the same for pictures that get a thread each.
    """

    purpose: Purpose
    ways: tuple[Way, ...]
    choice: Choice | None
    one_thread: Choice | None

    @property
    def models(self) -> tuple[str, ...]:
        """Name the files that may be taken."""
        return tuple(dict.fromkeys(way.model for way in self.ways))


def taken(store: Store, purpose: Purpose) -> Taken:
    """Look up what `auto` takes for a purpose.

    Raises:
        ModelMissingError: no model is here.
    """
    specs = store.candidates("auto", purpose)
    ways, shape = autotune.ways(specs), autotune.usual_shape(specs[0])
    if len(ways) == 1:
        return Taken(purpose, ways, None, None)
    choice = autotune.remembered(specs, shape)
    one_thread = autotune.remembered(specs, shape, threads=1)
    return Taken(purpose, (choice.taken,) if choice else ways, choice, one_thread)


def table(store: Store) -> Iterator[Taken]:
    """Look up every purpose for which there is a model."""
    for purpose in store.auto:
        with suppress(ModelMissingError):
            yield taken(store, purpose)
