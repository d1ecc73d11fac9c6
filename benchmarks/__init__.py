"""Measure cogfal side by side with what a user would use instead; see docs/benchmarks."""
