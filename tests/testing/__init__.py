"""Tests of what model authors test with."""
