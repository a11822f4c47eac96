"""What is wrong with a data set: leaks, duplicates, counts that differ from the published ones."""
