"""The predictions table: read, checked, and arranged as fully crossed blocks."""
