"""The simulated cluster, small: `python -m tests.faults.cluster` is the large one."""

from tests.faults import cluster


def test_nodes_die_and_fall_asleep_and_every_cell_comes_out_exact(tmp_path):
    assert cluster.simulate(tmp_path, cells=240, workers=8, kills=8, sleeps=3, pause=0.05) >= 3
