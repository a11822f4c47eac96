"""The page of a report, and how values are written."""
