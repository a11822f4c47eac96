"""Before any training: how many training seeds and patients does a study need, and what will it conclude on?

python -m analysis.plan --difference 0.03
python -m analysis.plan --difference 0.03 --looks 3,5,10
python -m analysis.plan --lock mlruns/mine/plan.toml --metric auroc --margin 0.02 --arms scratch,imagenet --looks 3,5,10
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.command_line import comma_integers, comma_list
from benchmark.errors import InputError

if TYPE_CHECKING:
    from analysis.statistics.power import Components

SEEDS = (3, 5, 7, 10, 15, 20, 30, 50)
FACTORS = (0.25, 0.5, 1, 2, 4, 8)

DESCRIPTION = """\
Power of the joint test for seeds x patients. The variances come from a pilot (--pilot RUN_OR_PREDICTIONS), or
are assumed: --auroc and --patients give the patients' part (Hanley and McNeil 1982), --correlation says how
alike two arms rank the same patients, --seed-sd is the SD of one arm's AUROC over training samples.
A report corrects all its comparisons (pairs of arms x data sets x n) as one family. --comparisons is their number;
power is that of the correction's first step, at .05 over that number, with the power of a single comparison beside.
--looks 3,5,10 plans to look after 3 and 5 of 10 seeds, and to stop where all is decided: what that costs and saves."""

EXAMPLES = """\
examples:
  how many seeds, from assumptions
    python -m analysis.plan --difference 0.03 --auroc 0.9 --patients 400 --seed-sd 0.02
  the same, from the variances of a finished run
    python -m analysis.plan --difference 0.03 --pilot RUN
  with looks after 3 and 5 of 10 seeds
    python -m analysis.plan --difference 0.03 --looks 3,5,10
  lock what will be concluded, before the holdout is opened
    python -m analysis.plan --lock plan.toml --metric auroc --margin 0.02 --arms scratch,imagenet"""


def assumed(
    auroc: float,
    patients: float,
    prevalence: float,
    correlation: float,
    seed_sd: float,
    seed_correlation: float,
) -> Components:
    """Variance components of one seed's difference between two arms, from assumptions.

    Args:
        auroc: of both arms, in (0.5, 1).
        patients: in the holdout, one image each.
        prevalence: share of positives, in (0, 1).
        correlation: of two arms' AUROCs over new patients, models held fixed.
        seed_sd: SD of one arm's AUROC over training samples.
        seed_correlation: of two arms' AUROCs over training samples that they share.

    Returns:
        The components. One half of the patients' part of a single model is taken to be its seed's alone, as
        in the simulations of `analysis.validate`.
    """
    from analysis.statistics.power import Components

    positives, negatives = patients * prevalence, patients * (1 - prevalence)
    q1, q2 = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    spread = auroc * (1 - auroc) + (positives - 1) * (q1 - auroc**2) + (negatives - 1) * (q2 - auroc**2)
    one_model = 2 * spread / (positives * negatives) * (1 - correlation)
    return Components(2 * seed_sd**2 * (1 - seed_correlation), one_model / 2, one_model / 2)


def pilot(source: Path, metric: str) -> list[tuple[str, Components]]:
    """(name, variance components) of every pair of arms of a finished study.

    Raises:
        InputError: bad predictions, an unknown metric, a single seed or a single arm.
    """
    from analysis.predictions.reading import read_predictions
    from analysis.study.scores import score
    from benchmark import metrics

    wanted = metrics.find(metric)
    designs = []
    for block in read_predictions(source).blocks:
        if len(block.seeds) < 2:
            raise InputError(
                f"{block.dataset}, n = {block.n_per_class} has one seed: the pilot needs at least two, to "
                "see how much training samples differ."
            )
        scored = score(block, wanted)
        for a, b in scored.pairs:
            name = f"{block.dataset}, n = {block.n_per_class}: {block.arms[b]} - {block.arms[a]}"
            designs.append((f"{name} ({block.group_count} patients)", scored.components(a, b)))
    if not designs:
        raise InputError(f"{source} holds a single arm: there is no difference to plan for.")
    return designs


def describe(
    name: str, parts: Components, difference: float, power: float, comparisons: int = 1, looks: Sequence[int] = ()
) -> str:
    """Power and smallest detectable difference over seeds and patients, and the cheapest design that suffices.

    With more than one comparison, at the level of the correction's first step, and at 5% beside. With looks, what they
    cost and save.
    """
    lines = [name, *_at_level(parts, difference, power, comparisons)]
    if comparisons > 1:
        lines += ["", *_at_level(parts, difference, power, 1)]
    if looks:
        lines += ["", *_at_looks(parts, difference, power, comparisons, looks)]
    return "\n".join(lines) + "\n"


def _at_looks(parts: Components, difference: float, power: float, comparisons: int, looks: Sequence[int]) -> list[str]:
    from analysis.statistics.power import ALPHA, detectable_with, power_of
    from analysis.statistics.sequential import levels, stopping
    from benchmark.seeds import rng_for

    of_looks, last = levels(looks), looks[-1]
    chances = [stopping(true, parts, looks, comparisons, rng_for(0, "plan looks")) for true in (difference, 0.0)]
    several = f", each over {comparisons} comparisons" if comparisons > 1 else ""
    lines = [f"  looks with this holdout{several}; claimed: by then, by simulation"]
    lines.append(f"  seeds    level    spent{f'claimed if {difference:g}':>18}{'if zero':>9}")
    for i, seeds in enumerate(looks):
        values = f"{of_looks[i]:>9.4f}{of_looks[: i + 1].sum():>9.4f}{chances[0][i]:>18.2f}{chances[1][i]:>9.4f}"
        lines.append(f"  {seeds:>5}{values}")
    waited = [1.0, *(1 - chances[0][:-1])]
    needed = sum(share * (seeds - before) for share, seeds, before in zip(waited, looks, (0, *looks), strict=False))
    fixed, final = (
        detectable_with(parts, last, 1, power, level / comparisons) for level in (ALPHA, float(of_looks[-1]))
    )
    once = power_of(difference, parts, last, alpha=ALPHA / comparisons)
    lines.append(f"  mean number of seeds until {difference:g} is claimed, at most {last}: {needed:.1f}")
    lines.append(f"  one look at {last} seeds: claimed in {once:.2f}; smallest difference found {fixed:.4f}")
    lines.append(f"  the last look alone, at its level: smallest difference found {final:.4f}")
    return lines


def _levels(looks: Sequence[int]) -> str:
    """The levels of a locked plan's looks, a line each."""
    from analysis.statistics.sequential import levels

    rows = [f"  look at {n:>3} seeds: level {level:.4f}\n" for n, level in zip(looks, levels(looks), strict=True)]
    return "".join(rows)


def _at_level(parts: Components, difference: float, power: float, comparisons: int) -> list[str]:
    from analysis.statistics.power import ALPHA, detectable_with, power_of

    alpha = ALPHA / comparisons
    level = f"two-sided 5% over {comparisons} comparisons" if comparisons > 1 else "two-sided 5%, one comparison"
    lines = [f"  power to find {difference:g}, {level}; patients as multiples of the holdout"]
    lines.append("  seeds" + "".join(f"{f'x{factor:g}':>9}" for factor in FACTORS))
    for seeds in SEEDS:
        cells = [power_of(difference, parts, seeds, factor, alpha) for factor in FACTORS]
        lines.append(f"  {seeds:>5}" + "".join(f"{value:>9.2f}" for value in cells))
    lines.append(f"  smallest difference found with {power:.0%} power")
    for count in (*SEEDS, math.inf):
        values = [detectable_with(parts, count, factor, power, alpha) for factor in FACTORS]
        label = "inf" if math.isinf(count) else str(int(count))
        lines.append(f"  {label:>5}" + "".join(f"{value:>9.4f}" for value in values))
    needed = seeds_needed(parts, difference, power, comparisons)
    lines.append(
        f"  with this holdout: {needed} training seeds reach {power:.0%}"
        if needed
        else f"  with this holdout no number of seeds up to 200 reaches {power:.0%}: it needs more patients"
    )
    return lines


def seeds_needed(parts: Components, difference: float, power: float, comparisons: int = 1) -> int | None:
    """The fewest seeds, from 3, that reach the power with the patients that there are; None up to 200."""
    from analysis.statistics.power import ALPHA, power_of

    for seeds in range(3, 201):
        if power_of(difference, parts, seeds, alpha=ALPHA / comparisons) >= power:
            return seeds
    return None


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.plan",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--difference", type=float, default=0.03, help="to find (default: %(default)s)")
    parser.add_argument("--power", type=float, default=0.8, help="(default: %(default)s)")
    parser.add_argument(
        "--comparisons",
        type=int,
        metavar="M",
        help="pairs of arms x data sets x n that the report will correct as one family (default: those of the pilot, "
        "else 1)",
    )
    parser.add_argument("--pilot", type=Path, metavar="RUN_OR_PREDICTIONS", help="take the variances from here")
    parser.add_argument("--metric", default="auroc", help="of the pilot, or of the locked plan (default: %(default)s)")
    parser.add_argument("--auroc", type=float, default=0.9, help="expected (default: %(default)s)")
    parser.add_argument("--patients", type=int, default=400, help="in the holdout (default: %(default)s)")
    parser.add_argument("--prevalence", type=float, default=0.5, help="of positives (default: %(default)s)")
    parser.add_argument(
        "--correlation", type=float, default=0.5, help="of the arms over patients (default: %(default)s)"
    )
    parser.add_argument("--seed-sd", type=float, default=0.02, help="of an arm's AUROC (default: %(default)s)")
    parser.add_argument(
        "--seed-correlation",
        type=float,
        default=0.3,
        help="of the arms over shared samples (default: %(default)s)",
    )
    parser.add_argument(
        "--looks",
        type=comma_integers,
        default=(),
        metavar="S,S",
        help="numbers of seeds to look at, the last one the study's; of the locked plan too (default: one look, at the "
        "end)",
    )
    _add_lock(parser.add_argument_group("locking what will be concluded, before the holdout is opened"))
    flags = parser.parse_args(argv)
    try:
        if flags.lock:
            return _lock(flags)
        _check(flags)
        if flags.pilot:
            designs = pilot(flags.pilot, flags.metric)
        else:
            name = f"assumed: AUROC {flags.auroc:g}, {flags.patients} patients, seed SD {flags.seed_sd:g}"
            parts = assumed(
                flags.auroc,
                flags.patients,
                flags.prevalence,
                flags.correlation,
                flags.seed_sd,
                flags.seed_correlation,
            )
            designs = [(name, parts)]
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for name, parts in designs:
        comparisons = flags.comparisons or len(designs)
        sys.stdout.write(describe(name, parts, flags.difference, flags.power, comparisons, flags.looks) + "\n")
    return 0


def _add_lock(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--lock", type=Path, metavar="FILE", help="write the plan, with --metric and what follows, here")
    group.add_argument("--margin", type=float, default=0.02, help="of equivalence (default: %(default)s)")
    group.add_argument(
        "--estimand",
        default="population",
        help="what claims are about: population, pool or models (default: %(default)s)",
    )
    group.add_argument("--datasets", type=comma_list, default=(), metavar="A,B", help="of the family (default: any)")
    group.add_argument("--arms", type=comma_list, default=(), metavar="A,B", help="of the family (default: any)")
    group.add_argument(
        "--n-per-class", type=comma_integers, default=(), metavar="N,N", help="of the family (default: any)"
    )


def _lock(flags: argparse.Namespace) -> int:
    from analysis.study.locked_plan import LockedPlan, now, write_plan

    plan = LockedPlan(
        flags.metric,
        flags.margin,
        flags.estimand,
        flags.datasets,
        flags.arms,
        flags.n_per_class,
        locked=now(),
        looks=flags.looks,
    )
    write_plan(plan, flags.lock)
    looks = _levels(plan.looks) if plan.looks else ""
    sys.stdout.write(f"{flags.lock}: locked at {plan.locked}\nSHA-256 {plan.hash}\n{looks}")
    return 0


def _check(flags: argparse.Namespace) -> None:
    from analysis.study.locked_plan import check_looks

    ranges = {
        "difference": (0, 1), "power": (0, 1), "auroc": (0.5, 1), "prevalence": (0, 1),
    }  # fmt: skip
    for name, (low, high) in ranges.items():
        if not low < getattr(flags, name) < high:
            raise InputError(f"--{name} {getattr(flags, name)} must lie between {low} and {high}.")
    for name in ("correlation", "seed_correlation"):
        if not 0 <= getattr(flags, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} {getattr(flags, name)} must lie in [0, 1).")
    if flags.comparisons is not None and flags.comparisons < 1:
        raise InputError(f"--comparisons {flags.comparisons} must be at least 1.")
    if flags.looks:
        check_looks(flags.looks)
    if flags.seed_sd < 0:
        raise InputError(f"--seed-sd {flags.seed_sd} must not be negative.")
    if flags.patients * min(flags.prevalence, 1 - flags.prevalence) < 2:
        raise InputError(f"{flags.patients} patients at prevalence {flags.prevalence:g} leave fewer than 2 of a class.")


if __name__ == "__main__":
    sys.exit(main())
