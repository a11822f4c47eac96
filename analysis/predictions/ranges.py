"""What scores that are no probabilities look like, from their range."""

from __future__ import annotations

from analysis.predictions.block import Scores
from benchmark.results import Task

#: How far outside [0, 1] a score may be to look like rounding; it is refused all the same.
ROUNDING = 1e-3


def out_of_range(y_score: Scores, task: Task) -> str:
    """What the range of (M, K) scores that are no probabilities looks like, and the remedy."""
    low, high = float(y_score.min()), float(y_score.max())
    seen = f"The scores run from {low:.6g} to {high:.6g}"
    if low >= -ROUNDING and high <= 1 + ROUNDING:
        return f"{seen}, as rounding leaves them: clip them to [0, 1]."
    if low < 0:
        function = "sigmoid" if task == "multilabel" else "softmax"
        return f"{seen}. Values below 0 are likely logits, or log-probabilities: apply the {function}, or exp, first."
    if high <= 100:
        return (
            f"{seen}. Within 0 and 100 they are likely percentages: divide by 100. If they are logits that happen to "
            "be positive, votes or counts, turn them into probabilities instead."
        )
    return f"{seen}. They are likely counts, votes or distances: turn them into probabilities of the classes first."
