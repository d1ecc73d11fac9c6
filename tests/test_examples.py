"""examples.yaml, in and out."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.examples import (
    Example,
    ExamplesError,
    find_examples,
    keep_files,
    read_examples,
    write_examples,
)
from cogfal.nested import leaves


def test_an_example_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Files are paths on both sides, and a text that begins with `@` stays one."""
    picture = tmp_path / "inputs" / "in.png"
    picture.parent.mkdir()
    picture.write_bytes(b"png")
    example = Example(
        name="all of it",
        input={"image": picture, "handle": "@somebody", "steps": 3, "tags": ["a", "@b"]},
        output={"image": picture, "score": None},
        tolerance={"score": 0.5},
        recorded=True,
    )

    write_examples(tmp_path / "examples.yaml", [example])

    assert read_examples(tmp_path / "examples.yaml") == [example]
    assert '"@inputs/in.png"' in (tmp_path / "examples.yaml").read_text().replace("'", '"')


def test_an_output_of_null_is_an_output(tmp_path: Path) -> None:
    """It is told from one that nobody knows."""
    path = tmp_path / "examples.yaml"
    path.write_text("- {name: a, input: {}, output: null}\n- {name: b, input: {}}\n")

    recorded = [each.recorded for each in read_examples(path)]

    assert recorded == [True, False]


def test_a_project_may_have_none(tmp_path: Path) -> None:
    """Nothing is found where there is no file."""
    assert find_examples(tmp_path) == []


WRONG = {
    "no list": ("name: a", "it is not a list"),
    "no inputs": ("- just text", "example 1: it has no inputs"),
    "another field": ("- {name: a, inputs: {}}", "there is no field inputs"),
    "twins": ("- {name: a}\n- {name: a}", "two examples are called 'a'"),
    "a missing file": ('- {name: a, input: {x: "@no.png"}}', "there is no file no.png beside it"),
    "a file elsewhere": ('- {name: a, input: {x: "@../out.txt"}}', "there is no file ../out.txt"),
    "a negative tolerance": ("- {name: a, tolerance: -1}", "the tolerance -1 is no number"),
    "a tolerance in words": ("- {name: a, tolerance: {x: much}}", "the tolerance 'much'"),
    "no yaml": ("- [", "it cannot be read"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    """The message names the file, the example, and what to write."""
    (tmp_path / "out.txt").write_text("somebody else's")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "examples.yaml").write_text(text)

    with pytest.raises(ExamplesError) as caught:
        read_examples(folder / "examples.yaml")

    assert message in str(caught.value)
    assert str(caught.value).startswith("examples.yaml")
    assert caught.value.remedy


def test_files_of_one_name_are_all_kept(tmp_path: Path) -> None:
    """Each field and each item has a directory of its own, which no name leads out of."""
    made = []
    for number in range(4):
        made.append(tmp_path / str(number) / "out.txt")
        made[-1].parent.mkdir()
        made[-1].write_text(str(number))
    value = {"image": made[0], "mask": made[1], "../x": [made[2], made[3], 1.5]}

    kept = keep_files(value, tmp_path / "kept")

    assert [kept["image"].read_text(), kept["mask"].read_text()] == ["0", "1"]
    assert [each.read_text() for each in kept["../x"][:2]] == ["2", "3"]
    assert kept["../x"][2] == 1.5
    paths = [each.resolve() for _, each in leaves(kept) if each != 1.5]
    assert all(path.is_relative_to(tmp_path / "kept") for path in paths)
