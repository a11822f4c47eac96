"""What a run knows of itself that reporting guidelines ask for, in short texts by key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from analysis.predictions.block import Block
from analysis.study.about import intervals_about, models_fixed
from analysis.study.models import models_of
from analysis.study.run_facts import RunFacts
from analysis.study.study import Study
from benchmark.results import own_and_other

OPEN = "open: yours to fill"
FEW_SEEDS = 5


def answers(study: Study) -> dict[str, str]:
    """Key -> text; a key is missing where the run does not know."""
    made = {**_on_data(study), **_on_methods(study), **_on_results(study)}
    if study.run is not None:
        made |= _on_the_run(study, study.run)
    return {key: text for key, text in made.items() if text}


def limitations(study: Study) -> list[str]:
    """What limits the conclusions, as far as a program can tell."""
    blocks, facts = _blocks(study), study.predictions.facts
    lines = []
    synthetic = [name for name in blocks if facts.get(name, {}).get("synthetic")]
    if synthetic:
        lines.append(f"synthetic images ({', '.join(synthetic)}): nothing is said about patients")
    seeds = min(len(member.block.seeds) for member in study.blocks)
    if seeds < FEW_SEEDS:
        lines.append(f"{seeds} training sample{'s' if seeds > 1 else ''} per block")
    unverified = [name for name in blocks if facts.get(name, {}).get("leaks")]
    if unverified:
        lines.append(f"leaks between patients cannot be ruled out ({', '.join(unverified)}: no patient ids)")
    labels = {name: facts.get(name, {}).get("labels") for name in blocks}
    if study.external is not None:
        labels |= {one: study.external.facts.get(one, {}).get("labels") for one in _elsewhere(study)}
    lines += [f"labels of {name}: {how}" for name, how in labels.items() if how]
    if study.run is not None and study.run.setting("image_size"):
        lines.append(f"images resized to {study.run.setting('image_size')} px")
        arms = dict.fromkeys(arm for member in study.blocks for arm in member.block.arms)
        networks = dict.fromkeys(study.arms[arm].architecture for arm in arms if arm in study.arms)
        if networks:
            lines[-1] += f", {'these networks alone' if len(networks) > 1 else 'one network'} ({', '.join(networks)})"
        if any(row.get("verdict") == "allowed" for row in study.run.records("leaks")):
            lines.append("a leak between pool and holdout was allowed (table 'leaks')")
    lines.append("one checkpoint is one draw of pretraining")
    if any(study.operating_points):
        lines.append(
            "thresholds were fixed on inner validation, by models of fewer images than those that predict the holdout"
        )
    else:
        lines.append("decisions use the default threshold, and none is tuned")
    return lines


def _blocks(study: Study) -> dict[str, Block]:
    """Data set -> its block of the largest n."""
    return {member.block.dataset: member.block for member in study.blocks}


def _elsewhere(study: Study) -> list[str]:
    return list(dict.fromkeys(there.scored.block.dataset for there in study.elsewhere))


def _on_data(study: Study) -> dict[str, str]:
    blocks, facts = _blocks(study), study.predictions.facts

    def listed(*keys: str) -> str:
        parts = {name: [str(facts[name][key]) for key in keys if facts.get(name, {}).get(key)] for name in blocks}
        return "; ".join(f"{name}: {', '.join(texts)}" for name, texts in parts.items() if texts)

    unknown = {name: int(np.isnan(block.truth).any(axis=1).sum()) for name, block in blocks.items()}
    level = "; ".join(
        f"{name}: {facts[name]['leaks']}" if facts.get(name, {}).get("leaks") else f"{name}: patient or lesion"
        for name in blocks
    )
    return {
        "sources": listed("title", "source"),
        "licences": listed("licence"),
        "ethics": "not needed: all images are synthetic"
        if all(facts.get(name, {}).get("synthetic") for name in blocks)
        else "",
        "classes": "; ".join(f"{name}: {block.task}, {', '.join(block.classes)}" for name, block in blocks.items()),
        "holdout": "; ".join(
            f"{name}: {facts.get(name, {}).get('holdout', 'holdout')}, {len(block.groups):,} images of "
            f"{block.group_count:,} patients or lesions"
            for name, block in blocks.items()
        ),
        "level": level,
        "missing": "; ".join(
            f"{name}: {count} images of the holdout have an unknown label, which is masked"
            if count
            else f"{name}: no label of the holdout is missing"
            for name, count in unknown.items()
        ),
        "prevalence": "table 'holdout'; training samples are balanced by class, and the table 'prior_corrected' shows "
        "the metrics after correction to the holdout's prevalence",
    }


def _on_methods(study: Study) -> dict[str, str]:
    counts = sorted({len(member.block.seeds) for member in study.blocks})
    sizes = sorted({member.block.n_per_class for member in study.blocks})
    labels = f"{', '.join(map(str, sizes))} labelled images per class, " if any(sizes) else ""
    fixed = any(study.operating_points)
    how = "" if models_fixed(study) else "Obuchowski and Rockette's model with a calibrated critical value, "
    return {
        "sample": f"{labels}{', '.join(map(str, counts))} training samples; the table 'power' has the smallest "
        "difference that this can detect",
        "metrics": f"primary: {study.primary.label}; the others, and calibration, in the chapter 'Other metrics'",
        "uncertainty": f"95% intervals for {intervals_about(study)}: {how}covariances over patients, clustered; Holm's "
        f"correction over all comparisons, equivalence within {study.margin:g} among them"
        + ("; every test set from elsewhere is a family of its own" if study.elsewhere else ""),
        "robustness": "tables 'sensitivity' (the same differences by other methods), 'estimands', 'bootstrap', 'flags'",
        "fairness": "table and figure 'subgroups'" if study.subgroups else "",
        "ensembling": "none: seeds and refits are analysed one by one; the ensemble is a row of 'sensitivity'",
        "threshold": "class of the largest probability, a label at .5 or more: set beforehand, not tuned"
        + ("; and thresholds fixed on inner validation (table 'operating_points')" if fixed else ""),
        "baseline": f"{study.blocks[0].block.arms[0]}: all differences against it stand first",
        "output": "probabilities of every class or label; refits and seeds apart",
    }


def _on_results(study: Study) -> dict[str, str]:
    there = _elsewhere(study)
    alone = [name for name in _blocks(study) if own_and_other(name)[1]]  # a report on a test set from elsewhere
    return {
        "performance": "tables 'arms' and 'pairwise', each class in 'labels' and 'confusion', with intervals"
        + (
            "; sensitivity, specificity and predictive values at thresholds fixed on validation in 'operating_points'"
            if any(study.operating_points)
            else ""
        ),
        "failures": "table and figure 'errors', table 'confusion', training runs that collapsed in 'collapse'",
        "heterogeneity": "tables 'pooled', 'over_datasets'" if len(_blocks(study)) > 1 else "",
        "limitations": "; ".join(limitations(study)),
        "external": f"{', '.join(there)}: chapter 'A test set from elsewhere'"
        if there
        else f"every figure is of {', '.join(alone)}"
        if alone
        else "none: every figure is of the own holdout",
    }


def _on_the_run(study: Study, run: RunFacts) -> dict[str, str]:
    protocol = {str(row.get("item")): str(row.get("value")) for row in run.records("protocol")}
    last: Mapping[str, Any] = run.starts[-1] if run.starts else run.described
    versions = last.get("versions")
    hardware = last.get("hardware")
    commit = last.get("git_commit")
    attributes = list(dict.fromkeys(str(row.get("attribute")) for row in run.records("characteristics")))
    weights = [f"{model.arm}: {model.weights}" for model in models_of(study)]
    return {
        "flow": "table and figure 'flow'" if run.records("data") else "",
        "characteristics": f"table 'characteristics': {', '.join(attributes)}" if attributes else "",
        "preprocessing": "; ".join(
            f"{name}: {protocol[name]}" for name in ("image size", "augmentation") if name in protocol
        ),
        "partition": f"{_on_data(study)['holdout']}; inside the training sample {protocol['inner validation']}"
        if "inner validation" in protocol
        else "",
        "model": "table 'models'",
        "initialisation": "; ".join(dict.fromkeys(weights)),
        "training": "; ".join(
            f"{name}: {protocol[name]}" for name in ("budget", "epochs", "optimiser", "batch size") if name in protocol
        ),
        "search": f"{protocol['budget']}; sampler {protocol.get('sampler', 'unknown')}; "
        + ("table 'spaces'" if study.trials is None else "tables 'spaces', 'hyperparameters' and 'importance'")
        if "budget" in protocol
        else "",
        "selection": f"best mean over the inner folds in {study.trials.metric.label}; {protocol.get('refit', '')}"
        if study.trials is not None
        else "",
        "software": ", ".join(f"{name} {of}" for name, of in versions.items()) if isinstance(versions, Mapping) else "",
        "hardware": ", ".join(f"{name} {of}" for name, of in hardware.items()) if isinstance(hardware, Mapping) else "",
        "code": f"commit {commit}" if commit else "",
        "command": "; ".join(dict.fromkeys(str(start["command"]) for start in run.starts if start.get("command"))),
        "leaks": "table 'leaks': groups, duplicates, near-duplicates, folds and the weights' training data"
        if run.records("leaks")
        else "",
        "wall time": _wall_time(run),
        "device time": _device_time(study, run),
    }


def _wall_time(run: RunFacts) -> str:
    """From the first start to the last cell, pauses included; "" where the run does not tell."""
    begun = [_time(start.get("time")) for start in run.starts]
    ended = [_time(done.get("finished")) for done in run.cells]
    times = [time for time in begun if time is not None], [time for time in ended if time is not None]
    if not times[0]:
        return ""
    first = min(times[0])
    if not times[1]:
        return f"first start {first:%Y-%m-%d %H:%M} UTC"
    last = max(times[1])
    taken = _duration(max((last - first).total_seconds(), 0))
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, {taken}, pauses included"


def _time(text: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo is not None else None


def _device_time(study: Study, run: RunFacts) -> str:
    if study.trials is None:  # a published file has the sums
        seconds = [cell["device_seconds"] for cell in run.cells if isinstance(cell.get("device_seconds"), int | float)]
        return f"{_duration(sum(seconds))} of trials on one device" if seconds else ""
    if study.trials.frame["seconds"].isna().all():
        return ""
    return f"{_duration(study.trials.frame['seconds'].sum())} of trials on one device (table 'budget')"


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 5400 else f"{seconds / 60:.0f} minutes"
