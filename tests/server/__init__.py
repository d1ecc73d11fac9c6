"""Tests of Cog's HTTP API and of fal's."""
