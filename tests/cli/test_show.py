"""`cogfal schema`, `dockerfile` and `weights`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Cogfal
from tests.compare.models import model


def test_the_document_is_printed(cogfal: Cogfal) -> None:
    """One document has Cog's schemas and fal's typed door."""
    document = json.loads(cogfal("schema").out)

    assert list(document["components"]["schemas"]["Input"]["properties"]) == [
        "name",
        "times",
        "tags",
    ]
    assert {"/", "/predictions", "/trainings"} <= set(document["paths"])


def test_the_document_is_the_apps(cogfal: Cogfal, project: Path) -> None:
    """Its predictor and the name of its output; a predictor may be named instead."""
    (project / "app.py").write_text(
        "import cogfal\n"
        "class App(cogfal.App):\n"
        '    predictor = "predict.py:Copies"\n'
        '    output_name = "image"\n'
    )

    served = json.loads(cogfal("schema").out)
    named = json.loads(cogfal("schema", "--ref", "predict.py:Greets").out)

    assert list(served["components"]["schemas"]["Input"]["properties"]) == ["source"]
    assert '"image"' in json.dumps(served["paths"]["/"]) + json.dumps(served["components"])
    assert "name" in named["components"]["schemas"]["Input"]["properties"]


def test_cogs_schemas_can_be_had_alone(cogfal: Cogfal) -> None:
    """As `components.schemas` of Cog's document."""
    schemas = json.loads(cogfal("schema", "--components").out)

    assert {"Input", "Output", "TrainingInput", "TrainingOutput"} <= set(schemas)


def test_a_dockerfile_is_printed(cogfal: Cogfal) -> None:
    """Also where fal would not need one, which is said."""
    ended = cogfal("dockerfile")

    assert ended.out.startswith("FROM ")
    assert "needs no image" in ended.err


def test_weights_are_listed_and_fetched(cogfal: Cogfal, project: Path) -> None:
    """What cog.yaml names is put where the predictor opens it, once; else there is none."""
    none = cogfal("weights")
    with model(lambda _: (200, {}, b"weights")) as server:
        (project / "cog.yaml").write_text(
            "predict: predict.py:Greets\nweights:\n"
            f"  - target: model.bin\n    source: {server.url}/model.bin\n"
        )
        before = cogfal("weights", "--json")
        fetched = cogfal("weights", "--fetch")
        after = cogfal("weights")

    assert json.loads(before.out)[0]["here"] is False
    assert fetched.status == 0, fetched.err
    assert (project / "model.bin").read_bytes() == b"weights"
    assert "here" in after.out
    assert "no weights are named; what lies in the project goes to the runner" in none.err
