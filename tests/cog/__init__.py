"""Tests of the authoring API."""
