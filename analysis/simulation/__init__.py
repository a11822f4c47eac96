"""Studies whose truth is known, and how often each method covers it."""
