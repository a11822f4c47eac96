"""Medical pretraining: one checkpoint from several source data sets."""
