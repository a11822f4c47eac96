"""What is said before the first trial."""

from studies import progress


def test_a_count_is_reported_once_in_a_while(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    lines = []
    count = progress.paced(lines.append, lambda done: f"{done} of 9")
    for done, time in ((1, 1.0), (2, 6.0), (3, 7.0), (4, 12.0)):
        now[0] = time
        count(done)
    assert lines == ["2 of 9", "4 of 9"]
