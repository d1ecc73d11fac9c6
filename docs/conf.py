"""How the documentation is built: Markdown pages, and a reference made from the docstrings."""

import re
from pathlib import Path

from cogfal import __version__

project = "cogfal"
author = "The cogfal authors"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_static_path = ["_static"]
html_js_files = [("copy.js", {"defer": "defer"})]
html_css_files = ["copy.css"]
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


def write_llms_txt(app, error):
    """Write llms.txt beside the pages: what there is to read, with a sentence of each page."""
    if error is not None or app.builder.name != "html":
        return
    names = sorted(app.env.found_docs, key=lambda name: (name != "index", name.count("/"), name))
    lines = [
        f"- [{app.env.titles[name].astext()}]({name}.html): {opening(app, name)}" for name in names
    ]
    text = "\n".join(["# cogfal", "", f"> {opening(app, 'index')}", "", "## Pages", "", *lines, ""])
    Path(app.outdir, "llms.txt").write_text(text, "utf-8")


def opening(app, name):
    """The first sentence of a page's first paragraph."""
    paragraphs = app.env.get_doctree(name).findall(lambda node: node.tagname == "paragraph")
    first = next((paragraph.astext() for paragraph in paragraphs), "")
    return " ".join(re.split(r"(?<=[.:])\s", first, maxsplit=1)[0].split())


def setup(app):
    """Translate before napoleon reads the sections, and list the pages once they are built."""
    app.connect("autodoc-process-docstring", as_rest, priority=400)
    app.connect("build-finished", write_llms_txt)
