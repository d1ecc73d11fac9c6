"""How the documentation is built: Markdown pages, and a reference made from the docstrings."""

import re

from cogfal import __version__

project = "cogfal"
author = "The cogfal authors"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"cogfal {__version__}"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
nitpicky = False

INDENTED = re.compile(r"\n\n(?= {4,}\S)")
TICKED = re.compile(r"(?<!`)`([^`\n]+)`(?!`)(?=(\w?))")


def as_rest(_app, _what, _name, _object, _options, lines):
    """Write a docstring's Markdown as reStructuredText: literals, and indented blocks of code."""
    text = "\n".join(lines)
    text = TICKED.sub(lambda m: f"``{m[1]}``" + ("\\ " if m[2] else ""), text)
    first, *rest = INDENTED.split(text)
    for block in rest:
        first += ("\n\n" if inside_code(first) else "\n\n::\n\n") + block
    lines[:] = first.split("\n")


def inside_code(text):
    """Whether the text ends in an indented block, which a blank line does not end."""
    return text.rsplit("\n", 1)[-1].startswith("    ")


def setup(app):
    """Translate before napoleon reads the sections."""
    app.connect("autodoc-process-docstring", as_rest, priority=400)
