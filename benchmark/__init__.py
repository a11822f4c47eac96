"""What is compared (data sets, arms), and the running of the comparison."""

__version__ = "0.1.0"
