"""One run: its plan, its cells, what its folder says of it."""
