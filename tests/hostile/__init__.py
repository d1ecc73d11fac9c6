"""A hostile caller, a failing world and a careless predictor, against real processes."""
