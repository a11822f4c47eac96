"""What may be concluded from holdout predictions: estimates, intervals, tests, tables and figures."""
