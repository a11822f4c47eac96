"""Which training seeds of a (data set, n) are analysed: those of all arms, or the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.errors import InputError

MOST_LISTED = 20  # missing cells that a message names


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for.

    Attributes:
        common: where arms have different seeds, keep those that all have, instead of refusing.
        first: only as many seeds, those with the lowest numbers; None for all.
    """

    common: bool = False
    first: int | None = None


def choose(
    title: str,
    arms: Sequence[str],
    code_of: Mapping[str, int],
    index: Mapping[tuple[int, int, int], int],
    choice: Choice,
    remarks: list[str],
) -> tuple[int, ...]:
    """The seeds to analyse; a missing cell of one of them is refused unless the common seeds are asked for.

    Args:
        title: of the data set and n, for messages.
        arms: their names.
        code_of: arm -> code.
        index: (arm's code, seed, refit) -> cell.
        choice: what is asked for.
        remarks: a sentence is appended where seeds are left out.

    Raises:
        InputError: cells are missing, or there are fewer seeds than asked for.
    """
    of_arm = {arm: {s for a, s, _ in index if a == code_of[arm]} for arm in arms}
    every = sorted(set().union(*of_arm.values()))
    union = every[: choice.first]
    if choice.first is not None and len(union) < choice.first:
        raise InputError(f"{title} has {len(union)} training seeds, fewer than the first {choice.first} asked for.")
    if len(union) < len(every):
        remarks.append(f"{title}: only the first {len(union)} training seeds are analysed; others have been begun.")
    missing = [f"{arm}/seed{seed:02d}" for arm in arms for seed in union if seed not in of_arm[arm]]
    if not missing:
        return tuple(union)
    shared = sorted(set(union).intersection(*of_arm.values()))
    listed = ", ".join(missing[:MOST_LISTED]) + (", ..." if len(missing) > MOST_LISTED else "")
    if not choice.common or not shared:
        advice = (
            f"Finish them, or pair on the {len(shared)} seeds that all arms have with --common-seeds, "
            f"or take the largest complete part of a run's folder with --partial{_complete(union, of_arm)}."
            if shared
            else "No seed is shared by all arms, so nothing can be paired."
        )
        raise InputError(f"{title}: the grid is incomplete, {len(missing)} cells are missing: {listed}. {advice}")
    remarks.append(f"{title}: arms have different seeds; paired on the {len(shared)} common ones (missing: {listed}).")
    return tuple(shared)


def _complete(union: Sequence[int], of_arm: Mapping[str, set[int]]) -> str:
    """Advice to take the first seeds alone, where those are complete; empty where they are not."""
    count = next((i for i, seed in enumerate(union) if any(seed not in seeds for seeds in of_arm.values())), 0)
    return f", or look at the first {count}, which are complete, with --seeds {count}" if count else ""
