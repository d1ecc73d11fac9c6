"""Tests of `cogfal.local`."""
