"""A short, seeded version of the simulation study; the full one is `python -m analysis.validate`."""

import math
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from analysis import perf, plan, validate
from analysis.simulation import coverage
from analysis.simulation.coverage import CALIBRATED, JOINT, Scenario
from analysis.simulation.simulate import Truth, simulate, write_block
from analysis.statistics import auc
from tests.analysis.conftest import make_block

SIMULATIONS = 400


def test_the_simulations_do_not_depend_on_the_number_of_processes():
    *_, alone = coverage.run(Scenario(3, 3, 0.9, 60), 20, seed=0, bootstrapped=2)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        *_, shared = coverage.run(Scenario(3, 3, 0.9, 60), 20, seed=0, bootstrapped=2, pool=pool)
    for name in ("type_one", "covered", "width", "difference", "power"):
        assert getattr(alone, name) == getattr(shared, name)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [Scenario(5, 1, 0.90, 300), Scenario(10, 3, 0.75, 300), Scenario(3, 1, 0.90, 300)])
def test_the_joint_interval_covers_and_the_controls_fail(scenario):
    *_, result = coverage.run(scenario, SIMULATIONS, seed=0, bootstrapped=0)
    assert validate.gates(result, SIMULATIONS) == []
    slack = 3 * math.sqrt(0.05 * 0.95 / SIMULATIONS)
    assert abs(result.covered[CALIBRATED] - 0.95) < slack + 0.01
    assert result.covered[JOINT] <= result.covered[CALIBRATED] and result.type_one[JOINT] >= result.type_one[CALIBRATED]
    assert result.type_one[coverage.SEED_BOOTSTRAP] > 0.1
    assert result.type_one[coverage.POOLED] > 0.2 and result.type_one[coverage.SINGLE] > 0.08


def test_the_simulated_truth_is_the_truth():
    truth = Truth(auroc=(0.8, 0.9), seeds=40, images=400, images_per_patient=2, seed_sd=0.3)
    areas = []
    for i in range(10):
        block = simulate(truth, np.random.default_rng(i))
        vectors = block.scores[:, :, 0, :, 1].reshape(80, -1)
        areas.append(auc.placements(block.truth[:, 1], vectors, block.groups).auc.reshape(2, 40).mean(1))
    assert np.mean(areas, axis=0) == pytest.approx([0.8, 0.9], abs=0.025)


def test_gates_name_what_is_wrong():
    rates = {coverage.SINGLE: 0.05, coverage.POOLED: 0.4, CALIBRATED: 0.2}
    scenario = Scenario(5, 1, 0.9)
    one = {CALIBRATED: 0.8}
    result = coverage.Result(scenario, rates, one, one, {CALIBRATED: 2000}, 0.05, 0.9, 0.8, 0.05, 0.8)
    failed = " ".join(validate.gates(result, 2000))
    for part in ("coverage 0.8", "type I 0.2", "power 0.900", "DeLong on one seed did not fail"):
        assert part in failed
    assert "seeds pooled" not in failed


def test_validate_prints_a_table_and_says_which_gates_fail(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(validate, "scenarios", lambda: [Scenario(3, 1, 0.9, 60), Scenario(3, 3, 0.9, 90)])
    out = tmp_path / "table.md"
    flags = ["--scenarios", "coverage", "--simulations", "50", "--bootstrapped", "2", "--out", str(out)]
    code = validate.main(flags)
    text = capsys.readouterr().out
    assert out.read_text() == text
    assert code == (0 if "Every gate is met" in text else 1)
    assert "| S=3 independent AUROC=0.90 |" in text and "two-level bootstrap" in text
    assert validate.main(["--simulations", "5"]) == 2


def test_plan_from_assumptions(capsys):
    assert plan.main(["--difference", "0.05"]) == 0
    text = capsys.readouterr().out
    assert "training seeds reach 80%" in text and "inf" in text
    assert plan.main(["--difference", "0.001"]) == 0
    assert "needs more patients" in capsys.readouterr().out


def test_plan_from_a_pilot(tmp_path, capsys):
    write_block(tmp_path / "p.parquet", make_block(seeds=3, images=60))
    assert plan.main(["--pilot", str(tmp_path / "p.parquet")]) == 0
    assert capsys.readouterr().out.count("toy, n = 100") == 3


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--auroc", "0.4"], "between 0.5 and 1"),
        (["--power", "1"], "between 0 and 1"),
        (["--correlation", "1"], "must lie in"),
        (["--seed-correlation", "-1"], "must lie in"),
        (["--seed-sd", "-1"], "negative"),
        (["--patients", "3"], "fewer than 2"),
        (["--pilot", "nowhere"], "does not exist"),
    ],
)
def test_plan_refuses_nonsense(flags, message, capsys):
    assert plan.main(flags) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("auroc", "seeds", "message"), [((0.8, 0.9), 1, "one seed"), ((0.8,), 3, "single arm")])
def test_plan_refuses_pilots_that_say_nothing(tmp_path, capsys, auroc, seeds, message):
    write_block(tmp_path / "p.parquet", make_block(auroc=auroc, seeds=seeds, images=60))
    assert plan.main(["--pilot", str(tmp_path / "p.parquet")]) == 2
    assert message in capsys.readouterr().err


def test_perf_prints_its_figures(capsys):
    assert perf.main(["--images", "200"]) == 0
    assert "times slower" in capsys.readouterr().out
