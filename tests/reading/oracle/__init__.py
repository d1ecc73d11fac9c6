"""Python as the oracle of the reader: what is told must be what every execution gives."""
