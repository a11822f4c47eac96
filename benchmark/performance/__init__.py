"""How fast studies are: against the plain script, against the floor, and what a trial costs beside its training."""
