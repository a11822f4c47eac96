"""The study of the tables' tests."""

from tests.analysis.tables.conftest import full_study

__all__ = ["full_study"]
