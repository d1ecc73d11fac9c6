"""Tests of `cogfal.files`."""
