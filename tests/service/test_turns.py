"""Clients take turns, whoever has more to ask."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfar.service.scheduler import FairQueue


def emptied(turns: FairQueue[str]) -> list[str]:
    return [turns.take() for _ in range(len(turns))]


def test_round_robin_in_the_order_of_arrival() -> None:
    turns: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "a3", "b1", "c1", "b2"):
        turns.put(item[0], item)
    assert emptied(turns) == ["a1", "b1", "c1", "a2", "b2", "a3"]
    with pytest.raises(LookupError):
        turns.take()


def test_who_comes_again_goes_to_the_end() -> None:
    turns: FairQueue[str] = FairQueue()
    turns.put("a", "a1")
    turns.put("b", "b1")
    assert turns.take() == "a1"
    turns.put("a", "a2")
    assert emptied(turns) == ["b1", "a2"]


def test_what_is_removed_is_gone() -> None:
    turns: FairQueue[str] = FairQueue()
    turns.put("a", "a1")
    turns.put("a", "a2")
    assert turns.remove("a", "a1")
    assert not turns.remove("a", "a1")
    assert not turns.remove("b", "a2")
    assert len(turns) == 1
    assert turns.clear() == ["a2"]
    assert len(turns) == 0


@given(st.lists(st.sampled_from("abc")))
def test_nobody_is_passed_over_and_nothing_is_lost(clients: list[str]) -> None:
    turns: FairQueue[str] = FairQueue()
    for number, client in enumerate(clients):
        turns.put(client, f"{client}{number:03}")
    order = emptied(turns)
    assert sorted(order) == sorted(f"{client}{n:03}" for n, client in enumerate(clients))
    for client in "abc":
        mine = [item for item in order if item[0] == client]
        assert mine == sorted(mine)
        # between two of one's own, each other client is served at most once
        for first, second in itertools.pairwise(mine):
            between = order[order.index(first) + 1 : order.index(second)]
            others = [item[0] for item in between]
            assert len(others) == len(set(others))
