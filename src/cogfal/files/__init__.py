"""Files on their way in and out: names, kinds, limits, fetching, storing, a prediction's directory.

Nothing here knows inputs, outputs or fal; `inputs`, `outputs` and `fal_files` do.
"""
