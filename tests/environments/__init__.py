"""Tests of the model's own environments, made by uv from packages that lie on this machine."""
