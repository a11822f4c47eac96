"""Pure statistics: arrays and a Generator in, values out."""
