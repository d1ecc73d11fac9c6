"""A Cog project on one's own machine: what it is, its Python, and its predictor set up here."""
