import subprocess
import sys

from benchmark.seeds import int_seed, rng_for, seed_for


def test_streams_differ_by_role_and_key():
    seeds = {
        int_seed(seed_for(0, "fit", cell="a", trial=1)),
        int_seed(seed_for(0, "fit", cell="a", trial=2)),
        int_seed(seed_for(0, "fit", cell="b", trial=1)),
        int_seed(seed_for(0, "refit", cell="a", trial=1)),
        int_seed(seed_for(1, "fit", cell="a", trial=1)),
    }
    assert len(seeds) == 5


def test_the_order_of_the_key_does_not_matter():
    assert rng_for(0, "x", a=1, b=2).random() == rng_for(0, "x", b=2, a=1).random()


def test_streams_are_the_same_in_another_process():
    code = "from benchmark.seeds import *; print(int_seed(seed_for(3, 'subsample', dataset='phantom', seed=1)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(printed) == int_seed(seed_for(3, "subsample", dataset="phantom", seed=1))
