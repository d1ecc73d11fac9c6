"""The measured projects: a predictor, and Apps that do the same work."""
