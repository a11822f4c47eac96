"""What docs/results.md shows of a published run: what it is, its arms and their differences, from its file alone."""

import math
from itertools import groupby
from pathlib import Path

from analysis.page.formats import cell
from analysis.predictions.compact import described_in
from analysis.predictions.external import read_external
from analysis.predictions.reading import read_predictions
from analysis.report import MARGIN
from analysis.study.comparison import compare_all
from analysis.study.elsewhere import elsewhere
from analysis.study.intervals import arm_interval
from analysis.study.scores import score
from analysis.tables._rows import arm_row
from benchmark import metrics
from benchmark.results import own_and_other
from tests.documentation.tables import escaped

RESULTS = Path(__file__).parents[2] / "results"
FEW = 6  # arms of one n: all pairs are shown; else those that are decided, or would be if each stood alone
ALONE = 0.05
OPEN = ("inconclusive", "not tested")


def result(folder, name):
    """The tables of a published file, by data set."""
    path = RESULTS / f"{name}.parquet"
    described = described_in(path)
    metric = metrics.find(described["spec"]["report_metric"])
    predictions, external = read_predictions(path), read_external(path)
    scored = [score(block, metric) for block in predictions.blocks]
    compared = compare_all(scored, MARGIN)
    own = [(one, tuple(c for c in compared if c.scored is one)) for one in scored]
    there = () if external is None else elsewhere(external, metric, MARGIN, own)
    lines = [about(path, described, predictions, external), ""]
    for dataset, members in groupby(own, key=lambda pair: pair[0].block.dataset):
        blocks = dict(members)
        others = [one for one in there if one.own.block.dataset == dataset]
        if len({one.block.dataset for one in scored}) > 1:
            lines += [f"**{escaped(predictions.facts[dataset].get('title', dataset))}**", ""]
        if len(blocks) > 1:
            lines += [*curve(blocks), ""]
        lines += [*arms(blocks, others, described["cells"]), "", *differences(blocks), ""]
    return "\n".join(lines)


def about(path, described, predictions, external):
    """A paragraph: the file, settings, machine, images and their licences."""
    spec, start = described["spec"], described["starts"][-1]
    seconds = sum(record.get("device_seconds") or 0 for record in described["cells"])
    hardware = start["hardware"]
    machine = [hardware.get("gpu") or hardware["processor"], f"{hardware['cores']} cores", hardware["device"]]
    cells = sum(len(block.arms) * len(block.seeds) for block in predictions.blocks)
    blocks = {block.dataset: block for block in (*predictions.blocks, *(external.blocks if external else ()))}
    facts = predictions.facts | (external.facts if external else {})
    images = [
        f"{short(name)}: {facts[name]['holdout']}, {len(block.groups):,} images of {block.group_count:,} patients or "
        f"lesions ({facts[name]['source']}, {facts[name]['licence']})"
        for name, block in blocks.items()
    ]
    text = (
        f"[`results/{path.name}`](../results/{path.name}), {path.stat().st_size / 1000:,.0f} kB. "
        f"{listed(spec['n_per_class'])} images per class, {spec['seeds']} training samples, {cells} cells of "
        f"{spec['budget']} trials, {spec['min_epochs']} to {spec['max_epochs']} epochs, {spec['refits']} refits, "
        f"{spec['image_size']} px, {spec['backbone']}, {spec['precision']}. {start['time'][:10]}, "
        f"{', '.join(machine)}, torch {start['versions']['torch']}, commit {start['git_commit'][:12]}, "
        f"run {described['hash'][:12]}; {seconds / 3600:.1f} hours of trials on one device. "
        f"Holdout of {'; '.join(images)}."
    )
    return f"{text} {described['incomplete']}" if "incomplete" in described else text


def curve(blocks):
    """A row an arm, best first at the largest n, and a column an n."""
    *_, last = blocks
    best = sorted(range(len(last.block.arms)), key=lambda a: -last.metric.sign * last.arm(a).estimate)
    rows = [
        [f"`{arm}`", *(value(one, one.block.arms.index(arm)) if arm in one.block.arms else "" for one in blocks)]
        for arm in (last.block.arms[a] for a in best)
    ]
    return table([f"{label(last)} (95% CI)", *(f"n = {one.block.n_per_class}" for one in blocks)], rows)


def arms(blocks, others, cells):
    """A row an arm of every n, best first."""
    several, rows = len(blocks) > 1, []
    places = list(dict.fromkeys(one.scored.block.dataset for one in others))
    for one in blocks:
        made = [arm_row(one, a) for a in range(len(one.block.arms))]
        for row in sorted(made, key=lambda row: -one.metric.sign * row["estimate"]):
            a = one.block.arms.index(row["arm"])
            known = next(
                (of for of in cells if "model" not in of and of["cell"] == {key: row[key] for key in of["cell"]}), {}
            )
            there = {of.scored.block.dataset: of for of in others if of.own.block.n_per_class == one.block.n_per_class}
            rows.append(
                [
                    *([str(one.block.n_per_class)] if several else []),
                    f"`{row['arm']}`",
                    value(one, a),
                    number(row["seed_sd"]),
                    number(known.get("best_validation")),
                    "" if known.get("device_seconds") is None else f"{known['device_seconds']:,.0f}",
                    *(text for place in places for text in carried(there.get(place), row["arm"])),
                ]
            )
    first = next(iter(blocks))
    head = [f"{label(first)} (95% CI)", "SD over seeds", "inner validation, best trial", "device-seconds of the trials"]
    head += [text for place in places for text in (f"on {short(place)} (95% CI)", "drop (95% CI)")]
    return table([*(["n"] if several else []), "arm", *head], rows)


def carried(there, arm):
    """What an arm reaches on a test set from elsewhere, and what it loses there."""
    if there is None or arm not in there.arms:
        return "", ""
    a = there.arms.index(arm)
    drop = there.drop(a)
    low, high = drop.interval()
    return value(there.scored, a), f"{drop.estimate:.3f} ({low:.3f} to {high:.3f})"


def differences(blocks):
    """A row a pair of every n, the surest first."""
    several, rows, left_out = len(blocks) > 1, [], []
    for one, compared in blocks.items():
        few = not several and len(one.block.arms) <= FEW
        shown = [c for c in compared if few or c.verdict not in OPEN or c.inference.p < ALONE]
        if len(shown) < len(compared):
            left_out.append(f"{len(compared) - len(shown)} of {len(compared)} at n = {one.block.n_per_class}")
        for c in sorted(shown, key=lambda c: (math.isnan(c.inference.p), c.inference.p)):
            low, high = c.interval
            rows.append(
                [
                    *([str(c.n_per_class)] if several else []),
                    f"{c.arm_b} - {c.arm_a}",
                    f"{c.estimate:+.3f}",
                    f"{low:+.3f} to {high:+.3f}",
                    cell("p", c.inference.p),
                    cell("p", c.adjusted_p),
                    c.verdict,
                ]
            )
    first = next(iter(blocks))
    head = ["difference", label(first), "95% CI", "p", "corrected p", "verdict"]
    lines = table([*(["n"] if several else []), *head], rows)
    if left_out:
        lines += ["", f"Not shown: pairs that are open and have p of {ALONE} or more ({', '.join(left_out)})."]
    return lines


def value(scored, a):
    """An arm's value with its interval."""
    low, high = arm_interval(scored, a)
    return f"{scored.arm(a).estimate:.3f} ({low:.3f} to {high:.3f})"


def label(scored):
    """The metric as a column calls it."""
    return f"{'' if scored.block.task == 'binary' else 'macro '}{scored.metric.label}"


def short(dataset):
    """A data set's name, or that of a test set from elsewhere without its map."""
    own, other = own_and_other(dataset)
    return (other or own).partition("::")[0]


def listed(values):
    """``25, 50, 100``."""
    return ", ".join(map(str, values))


def number(value):
    """Three digits; nothing for what is not known."""
    return "" if value is None or math.isnan(value) else f"{value:.3f}"


def table(header, rows):
    """The lines of a table."""
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]
