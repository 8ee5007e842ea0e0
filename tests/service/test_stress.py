"""Many clients that ask, fail and leave in any order: all is accounted for at the end."""

import asyncio
import random
from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfar.errors import BusyError, DrainingError
from nearfar.runtimes.base import Batch, RawDepth
from nearfar.service.scheduler import Scheduler
from nearfar.service.worker import Job
from tests.fakes import FakeSession
from tests.service.gated import PATIENCE_S

POISON = 13.0


class PoisonError(Exception):
    """What a poisoned picture raises."""


class Fickle(FakeSession):
    """A network that fails on a picture with poison in it."""

    def run(self, batch: Batch) -> RawDepth:
        if (batch == POISON).any():
            raise PoisonError("run")
        return super().run(batch)


class Customer:
    """One request with a fate of its own, and a memory of what was done for it."""

    def __init__(self, chance: random.Random, session: FakeSession) -> None:
        self.fate = chance.choice(("good", "good", "good", "prepare", "run", "finish"))
        self.client = chance.choice("abcd")
        self.leaves_after = chance.choice((None, None, 0, 1, 5, 20))
        self.uploads_for = chance.choice((0, 0, 1, 7))
        self.session = session
        self.done: Counter[str] = Counter()

    def prepare(self) -> Batch:
        self.done["prepare"] += 1
        if self.fate == "prepare":
            raise PoisonError("prepare")
        return np.full((1, 3, 2, 3), POISON if self.fate == "run" else 0, np.float32)

    def finish(self, _: RawDepth) -> "Customer":
        self.done["finish"] += 1
        if self.fate == "finish":
            raise PoisonError("finish")
        return self

    async def visit(self, scheduler: Scheduler) -> str:
        """Ask, and say how it ended."""
        try:
            with scheduler.reserve(self.client) as reservation:
                for _ in range(self.uploads_for):
                    await asyncio.sleep(0)
                job: Job[Customer] = Job(self.session, self.prepare, self.finish)
                value, _ = await scheduler.submit(job, reservation)
        except BusyError:
            return "busy"
        except DrainingError:
            return "draining"
        except PoisonError as error:
            return str(error)
        assert value is self
        return "good"

    async def come(self, scheduler: Scheduler) -> str:
        """Ask, and perhaps lose patience."""
        asking = asyncio.create_task(self.visit(scheduler))
        if self.leaves_after is not None:
            for _ in range(self.leaves_after):
                await asyncio.sleep(0)
            asking.cancel()
        try:
            return await asking
        except asyncio.CancelledError:
            return "left"


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    workers=st.integers(1, 3),
    queue=st.integers(0, 20),
    drains=st.sampled_from((None, 0.0, PATIENCE_S)),
)
def test_all_is_accounted_for(seed: int, workers: int, queue: int, drains: float | None) -> None:
    chance = random.Random(seed)  # noqa: S311 - it makes a scene, no secret
    session = Fickle()
    customers = [Customer(chance, session) for _ in range(60)]

    async def scene() -> list[str]:
        scheduler = Scheduler(workers=workers, queue=queue, per_client=8)
        coming: list[asyncio.Task[Any]] = []
        for number, customer in enumerate(customers):
            coming.append(asyncio.create_task(customer.come(scheduler)))
            if chance.random() < 0.5:
                await asyncio.sleep(chance.choice((0, 0, 0.001)))
            if drains is not None and number == 40:
                coming.append(asyncio.create_task(scheduler.drain(drains)))
        ends = await asyncio.gather(*coming)
        assert await scheduler.drain(PATIENCE_S)
        assert (scheduler.waiting, scheduler.running) == (0, 0)
        return [end for end in ends if isinstance(end, str)]

    ends = asyncio.run(scene())
    assert len(ends) == len(customers)
    for customer, end in zip(customers, ends, strict=True):
        assert max(customer.done.values(), default=0) <= 1, "nothing is done twice"
        if end in {"good", "prepare", "run", "finish"}:
            assert end == customer.fate
        elif end == "busy":
            assert not customer.done
        else:
            assert end in {"left", "draining"}
