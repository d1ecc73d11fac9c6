"""Record what an older Cog, which wrote OpenAPI from Python, makes of the table of signatures.

Two releases of Cog do not fit into one environment, so its answers are kept in `cog016.json`:

    uv venv --python 3.11 /tmp/cog016
    uv pip install --python /tmp/cog016/bin/python 'cog==0.16.12'
    PYTHONPATH=src:. /tmp/cog016/bin/python -m tests.schema.make_golden
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pathlib
import tempfile
from typing import Any

from cogfal.spec import PredictorSpec
from tests.schema.corpus import MODELS, PREDICTORS
from tests.schema.render import render

GOLDEN = pathlib.Path(__file__).with_name("cog016.json")
_SHARED = {
    "HTTPValidationError",
    "PredictionRequest",
    "PredictionResponse",
    "Status",
    "TrainingRequest",
    "TrainingResponse",
    "ValidationError",
    "WebhookEvent",
}


def written(spec: PredictorSpec, trainer: PredictorSpec | None) -> Any:
    """Return the components that Cog writes, or None where it refuses the model."""
    pathlib.Path("predict.py").write_text(render(spec))
    lines = ["predict: predict.py:Predictor"]
    if trainer is not None:
        pathlib.Path("train.py").write_text(render(trainer))
        lines.append("train: train.py:train")
    pathlib.Path("cog.yaml").write_text("\n".join(lines))
    http = importlib.import_module("cog.server.http")
    config = importlib.import_module("cog.config").Config()
    command = importlib.import_module("cog.command.openapi_schema")
    with contextlib.redirect_stdout(io.StringIO()):
        app = http.create_app(cog_config=config, shutdown_event=None, is_build=True)
    if app.state.setup_result:
        return None
    schemas = command.remove_title_next_to_ref(app.openapi())["components"]["schemas"]
    return {name: schema for name, schema in schemas.items() if name not in _SHARED}


def main() -> None:
    """Write the file, one row a line."""
    rows: dict[str, tuple[PredictorSpec, PredictorSpec | None]] = {
        **{name: (spec, None) for name, spec in PREDICTORS.items()},
        **MODELS,
    }
    answers = {}
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        for name, (spec, trainer) in rows.items():
            answers[name] = written(spec, trainer)
        os.chdir("/")
    lines = (f"{json.dumps(name)}: {json.dumps(row)}" for name, row in answers.items())
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
