"""Tests of the report."""

from __future__ import annotations

from cogfal.project.report import Report, render_report
from cogfal.spec import Location


def test_a_report_says_what_where_and_why() -> None:
    """Each line has its place, and the last line counts."""
    report = Report()
    report.kept("a", "as it is", where=Location("cog.yaml", 3))
    report.changed("b", "else", "because")
    report.unsupported("c", "not there", "do this", where="cog.yaml")
    report.changed("b", "else", "because")

    assert render_report(report.lines()) == (
        "kept        a (cog.yaml:3): as it is\n"
        "changed     b: else: because\n"
        "unsupported c (cog.yaml): not there: do this\n"
        "1 kept, 1 changed, 1 unsupported"
    )
