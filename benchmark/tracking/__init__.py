"""MLflow as a mirror of the run folders: every study with its trials, to browse and to chart.

A run's folder is the truth and this is a copy of it, so nothing here may stop or slow a study, and all of it
can be made again: ``python -m benchmark.tracking --rebuild``. Nothing outside this package imports mlflow.
"""

from benchmark.tracking.mirror import Mirror

__all__ = ["Mirror"]
