"""Tests of `cogfal.outputs`."""
