"""Serve a predictor over HTTP: Cog's API, and fal's."""
