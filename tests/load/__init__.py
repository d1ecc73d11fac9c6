"""Many callers at once, and many predictions in a row: `python -m tests.load`."""
