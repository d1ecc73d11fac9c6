"""The code of the author's process."""
