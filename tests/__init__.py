"""The tests; `tests/` mirrors `src/cogfal/`."""
