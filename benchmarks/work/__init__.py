"""One module for each kind of work; each has `measure(lab)`."""
