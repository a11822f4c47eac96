"""The computation on a predictions table: metrics, covariances, resamples, comparisons."""
