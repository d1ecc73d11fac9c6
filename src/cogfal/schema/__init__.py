"""One predictor's schemas: Cog's, fal's, and the check of what callers send."""
