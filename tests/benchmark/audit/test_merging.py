"""Images that are nearly the same under different ids become one group's, so that no split divides them."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from benchmark import data
from benchmark.audit import leaks
from benchmark.audit.merging import joined, merge_duplicates
from benchmark.errors import InputError
from benchmark.images.subsample import draw
from benchmark.runs.planning import decode
from benchmark.runs.protocol import protocol_records
from benchmark.runs.records import data_records
from benchmark.runs.request import Request
from benchmark.spec import BenchmarkSpec
from tests.benchmark.audit.test_leaks import jpeg, load, mine, verdicts

__all__ = ["mine"]


@pytest.fixture
def doubled(mine, tmp_path):
    """Pool images that are nearly others: of the holdout (malign/01), of the pool (benign/05), and a chain of three."""
    for source, copy in (("malign/01", "malign/10"), ("benign/05", "benign/11"), ("benign/11", "benign/07")):
        jpeg(Image.open(mine / f"{source}.png")).save(mine / f"{copy}.png")
    return mine


def test_of_those_across_an_official_holdout_the_pool_is_left_out(doubled, tmp_path):
    images, decoded = load(doubled, tmp_path)
    assert verdicts(leaks.audit(images, decoded))["near-duplicates"] == ("leak", 1)
    merged = merge_duplicates(images, decoded)
    assert merged.sample_ids[merged.left_out].tolist() == ["malign/10.png"]
    np.testing.assert_array_equal(merged.holdout, images.holdout)
    assert set(verdicts(leaks.audit(merged, decoded)).values()) == {("none", 0)}
    group = dict(zip(merged.sample_ids, merged.groups, strict=True))
    assert group["benign/05.png"] == group["benign/11.png"] == group["benign/07.png"] == "benign11"
    assert merged.facts["duplicates_merged"] == (
        "pairs of copies and near duplicates: 4 (of different groups: 4; across pool and holdout: 1); groups joined to "
        "others: 2; left out of the pool, for the official holdout: 1 images (groups: 1)"
    )
    pool, holdout = data_records(merged)
    assert (pool["images"], holdout["images"]) == (15, 8)
    drawn = draw(merged, 7, 0, seeds=1, largest_n=7, root_seed=0, min_per_class=2)
    assert not np.isin(drawn.indices, np.flatnonzero(merged.left_out | merged.holdout)).any()


def test_of_those_across_our_own_holdout_all_are_held_out(doubled, tmp_path):
    images, decoded = load(doubled, tmp_path)
    merged = merge_duplicates(dataclasses.replace(images, holdout_kind="grouped"), decoded)
    held = dict(zip(merged.sample_ids, merged.holdout, strict=True))
    assert merged.left_out is None and held["malign/10.png"] and held["malign/01.png"]
    leaks.refuse_shared_groups(merged)
    assert set(verdicts(leaks.audit(merged, decoded)).values()) == {("none", 0)}


def test_nothing_is_merged_where_nothing_is_alike(mine, tmp_path):
    images, decoded = load(mine, tmp_path)
    merged = merge_duplicates(images, decoded)
    np.testing.assert_array_equal(merged.groups, images.groups)
    assert merged.left_out is None and merged.facts["duplicates_merged"].endswith("groups joined to others: 0")


def test_images_that_are_drawn_are_alike_and_not_near_duplicates(doubled, tmp_path):
    images, decoded = load(doubled, tmp_path)
    assert merge_duplicates(dataclasses.replace(images, synthetic=True), decoded).left_out is None


def test_groups_are_joined_as_sets_would_be(mine, tmp_path):
    images, _ = load(mine, tmp_path)
    images = dataclasses.replace(images, holdout_kind="grouped")
    rng = np.random.default_rng(0)
    for _ in range(20):
        sets = [rng.integers(0, len(images.groups), 2) for _ in range(12)]
        expected = {str(name): {str(name)} for name in images.groups}
        for rows in sets:
            union = set().union(*(expected[str(name)] for name in images.groups[rows]))
            expected |= dict.fromkeys(union, union)
        result = joined(images, sets)
        assert result.groups.tolist() == [min(expected[str(name)]) for name in images.groups]
        assert result.facts.get("groups_joined", 0) == len(expected) - len({min(of) for of in expected.values()})


def test_a_run_merges_where_it_is_asked_to_and_says_so(doubled, tmp_path):
    name = f"folder:{doubled}"
    spec = BenchmarkSpec(datasets=("folder:mine",), image_size=32, merge_duplicates=True)
    request = Request(spec, tmp_path / "run", tmp_path, None, {}, ("cpu",), False, (), places={"folder:mine": name})
    lines = []
    images, decoded = decode(request, "folder:mine", lines.append)
    assert images.left_out.sum() == 1
    text = images.about["duplicates_merged"]
    assert f"folder:mine: {text}" in lines
    protocol = {row["item"]: row["value"] for row in protocol_records(request, {"folder:mine": images})}
    assert protocol["duplicates"].endswith(f"folder:mine: {text}")
    plain = dataclasses.replace(request, spec=dataclasses.replace(spec, merge_duplicates=False))
    assert plain.spec.identity({}) != spec.identity({})
    images, decoded = decode(plain, "folder:mine", lines.append)
    assert images.left_out is None
    with pytest.raises(InputError, match="--merge-duplicates"):
        leaks.refuse(leaks.audit(images, decoded))


def test_the_check_of_a_data_set_says_what_merging_would_do(doubled, tmp_path, capsys):
    assert data.main(["check", f"folder:{doubled}", "--image-size", "32", "--cache", str(tmp_path / "cache")]) == 1
    rows = {line[7:].split("  ")[0].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert "malign/01.png = malign/10.png" in rows["of them in different groups"]
    assert "  2 " in rows["groups that --merge-duplicates joins"]
    assert "left out of the pool" in rows["groups that --merge-duplicates joins"]
