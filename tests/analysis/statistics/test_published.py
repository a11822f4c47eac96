"""More figures computed or published elsewhere."""

import numpy as np
import pytest
from scipy.stats import binomtest

from analysis.statistics.effects import wilson
from analysis.statistics.expected_maximum import expected_maximum
from analysis.statistics.paired import clustered_mcnemar, mcnemar
from analysis.statistics.ranks import nemenyi, wilcoxon


def test_expected_maximum():
    values = np.array([0.3, 0.1, 0.4, 0.2])
    assert expected_maximum(values, unbiased=False) == pytest.approx([0.25, 0.3125, 0.34375, 0.36171875], rel=1e-12)
    assert expected_maximum(values) == pytest.approx([0.25, 1 / 3, 0.375, 0.4], rel=1e-12)


def test_newcombe_81_of_263():
    assert wilson(81, 263) == pytest.approx((0.25529, 0.36621), abs=5e-6)
    exact = binomtest(81, 263).proportion_ci(method="exact")
    assert (exact.low, exact.high) == pytest.approx((0.25274, 0.36762), abs=5e-6)


def test_mcnemar():
    statistic, p, exact = mcnemar(25, 15)
    assert statistic == pytest.approx(2.025, rel=1e-12)
    assert p == pytest.approx(0.15473, abs=5e-6)
    assert exact == pytest.approx(0.15386, abs=5e-6)
    assert mcnemar(0, 0) == (0.0, 1.0, 1.0)


def test_clustered_mcnemar_of_single_images_is_mcnemars_without_correction():
    first = np.repeat([True, True, False, False], [9945, 25, 15, 15])
    second = np.repeat([True, False, True, False], [9945, 25, 15, 15])
    mean, se, _ = clustered_mcnemar(first, second, np.arange(10_000))
    assert mean == pytest.approx(-10 / 10_000)
    assert (mean / se) ** 2 == pytest.approx(100 / 40)


def test_demsar_wilcoxon():
    plain = "763 599 954 628 882 936 661 583 775 1000 940 619 972 957"
    tuned = "768 591 971 661 888 931 668 583 838 1000 962 666 981 978"
    d = np.array(tuned.split(), float) - np.array(plain.split(), float)
    plus, minus, p = wilcoxon(d)
    assert (plus, minus) == (93, 12)
    assert p == pytest.approx(0.010968, abs=5e-7)


def test_nemenyi_of_three_data_sets_could_never_reach_its_critical_difference():
    assert nemenyi(3, 3) == pytest.approx(1.91, abs=0.005)
