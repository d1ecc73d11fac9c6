"""Tests of `cogfal.gateway`."""
