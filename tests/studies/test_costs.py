"""The order of cells, the time that is left, and what a card's memory holds."""

import pytest

from benchmark.spec import Cell
from studies.costs import Costs, makespan
from studies.devices import CardMemory, share_out


def cells(*arms, seeds=2):
    return [Cell("d", 100, seed, arm) for seed in range(seeds) for arm in arms]


def test_unknown_kinds_are_measured_first_and_then_the_longest_of_the_first_seed_is_begun():
    grid = cells("short", "long", "middle", seeds=3)
    costs = Costs(dict.fromkeys(grid, 10))
    begun, waiting = [], list(grid)

    def begin(running=()):
        cell = costs.next_cell(waiting, running)
        waiting.remove(cell)
        begun.append(cell.arm)
        return cell

    first, second = begin(), begin(running=[grid[0]])
    third = begin(running=[first, second])
    assert begun == ["short", "long", "middle"], "one of every kind, in the order given"
    for cell, seconds in ((first, 1.0), (second, 9.0), (third, 4.0)):
        costs.trial(cell, seconds)
    assert [begin().arm for _ in range(6)] == ["long", "middle", "short"] * 2


def test_a_cell_that_has_less_left_is_shorter_and_another_n_borrows_from_its_arm():
    one, other = Cell("d", 100, 0, "a"), Cell("d", 100, 1, "a")
    larger = Cell("d", 200, 0, "a")
    costs = Costs({one: 1, other: 5, larger: 5})
    costs.learn(one, [2.0, 4.0])
    assert costs.next_cell([one, other], []) == one, "seed by seed"
    assert costs.trial_seconds(larger) == 3.0
    costs.learn(larger, [8.0])
    assert costs.next_cell([one, other, larger], []) == larger
    assert costs.seconds_left() == [3.0, 15.0, 40.0]
    costs.trial(one, 3.0)
    costs.ended(larger)
    assert costs.seconds_left() == [15.0]


@pytest.mark.parametrize(
    ("seconds", "workers", "wall"),
    [((5, 5, 4, 4, 3), 2, 12), ((5, 3, 3), 1, 11), ((7, 1, 1), 3, 7), ((7, 1), 9, 7), ((), 2, 0)],
)
def test_the_makespan_is_that_of_longest_first(seconds, workers, wall):
    assert makespan(seconds, workers) == wall


def test_workers_are_dealt_round_robin_over_the_cards():
    assert share_out(("cuda:0", "cuda:1"), 2) == ("cuda:0", "cuda:1", "cuda:0", "cuda:1")
    assert share_out(("cpu",), 3) == ("cpu",) * 3


def test_a_card_is_given_one_worker_until_its_first_trial_says_how_many_fit():
    memory = CardMemory({"cuda:0": 10_000.0, "cuda:1": 10_000.0})
    assert memory.admits("cuda:0", 0) and not memory.admits("cuda:0", 1)
    memory.trial("cuda:0", 2_300.0)  # with CUDA's own 700: three in 9,000
    assert memory.admits("cuda:0", 2) and not memory.admits("cuda:0", 3)
    assert not memory.admits("cuda:1", 1), "another card may be smaller"
    memory.trial("cuda:0", 5_000.0)
    memory.trial("cuda:0", 100.0)
    assert memory.admits("cuda:0", 0) and not memory.admits("cuda:0", 1), "the largest so far counts"
    assert memory.admits("cpu", 63)
