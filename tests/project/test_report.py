"""Tests of the report."""

from __future__ import annotations

from cogfal.project.config import Key
from cogfal.project.report import Report
from cogfal.spec import Location


def test_a_report_says_what_where_and_why() -> None:
    """Each line has its place, and is told once."""
    report = Report()
    report.kept(Key("a", Location("cog.yaml", 3)), "as it is")
    report.changed("b", "else", "because")
    report.unsupported("c", "not there", "do this", where="cog.yaml")
    report.changed("b", "else", "because")

    assert [*map(str, report.lines())] == [
        "kept        a (cog.yaml:3): as it is",
        "changed     b: else: because",
        "unsupported c (cog.yaml): not there: do this",
    ]
