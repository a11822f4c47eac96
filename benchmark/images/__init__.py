"""Images, from files to the arrays that training sees: index, decoding, holdout, subsample, folds."""
