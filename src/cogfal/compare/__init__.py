"""Compare a model in two places: what it takes and gives, what it answers, how fast."""
