"""What `--help` says: defaults as the presets set them, and all that may be named."""

import pytest

from benchmark import arms, datasets, run
from benchmark.runs import help as run_help
from benchmark.runs.flags import FLAGS
from benchmark.spec import PRESETS


@pytest.fixture
def text(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        run.main(["--help"])
    return capsys.readouterr().out


def test_every_setting_shows_its_default_in_every_preset(text):
    flat = " ".join(text.split())
    assert "finished trials in every cell (builtin, real, study, transfer: 50; laptop: 10)" in flat
    assert "labelled images per class (builtin, laptop: 50; real, transfer: 100; study: 100,200)" in flat
    assert "Optuna's sampler (default: tpe)" in flat
    assert flat.count("(default: ") + flat.count("(builtin") >= len(FLAGS)


def test_every_preset_arm_and_data_set_is_listed_with_examples(text):
    for name in (*arms.names(), *(path.stem for path in PRESETS.glob("*.toml"))):
        assert f"\n  {name} " in text
    listed = text.partition("data sets (")[2]
    assert all(module.NAME in listed for module in datasets.modules() if not module.CORPUS)
    assert text.partition("examples:\n")[2].count("python -m benchmark.run") >= 3


def test_a_preset_is_described_by_the_first_sentence_of_its_file():
    assert run_help.about("laptop").startswith("Real data on a small CPU, in a night")
    assert all(run_help.about(path.stem) for path in PRESETS.glob("*.toml"))


@pytest.mark.parametrize("columns", [80, 120])
def test_lists_are_wrapped_at_the_terminals_width(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        run.main(["--help"])
    lists = capsys.readouterr().out.partition("\npresets:")[2].partition("\nexamples:")[0]
    assert max(map(len, lists.splitlines())) <= columns
