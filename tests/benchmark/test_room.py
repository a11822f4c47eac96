"""What a dry run says of the memory of cards."""

from benchmark.runs.room import card_lines


def test_a_card_says_what_a_worker_takes_and_how_many_wait():
    cards = ("cuda:0", "cuda:1") * 3
    full, free = card_lines(cards, {"cuda:0": 12_000.0, "cuda:1": 80_000.0}, 4300.0)
    assert full.startswith("cuda:0") and "5.2 GB for each of 3 workers, of 12.6 GB" in full
    assert "1 of them will wait: give fewer --workers-per-device" in full
    assert "3 workers, of 83.9 GB" in free and "wait" not in free


def test_the_cpu_and_a_card_that_was_not_timed_say_nothing():
    assert card_lines(("cpu", "cpu"), {}, 0.0) == []
    assert card_lines(("cuda:0",), {"cuda:0": 8000.0}, 0.0) == []
