"""What runs in the process of the author's code: Python 3.7 and its standard library alone.

The server's process runs the same code where the author's code lives there. Nothing here knows the
server, HTTP, fal or Pydantic.
"""
