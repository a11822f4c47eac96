"""How every arm is tuned: search spaces as data, exact equal budgets."""
