"""cog.yaml: from its text to what fal needs to build, place and feed the runner."""
