"""What several commands know of a project: its specs, its plan, and how to show them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cogfal.local import LocalProject, find_project
from cogfal.project.environment import Environment, plan_environment
from cogfal.project.settings import PlanSettings
from cogfal.spec import JSON, InputSpec, PredictorSpec, Role


@dataclass(frozen=True, slots=True)
class Plan:
    """A project read and planned."""

    project: LocalProject
    predictor: PredictorSpec
    trainer: PredictorSpec | None
    environment: Environment


def plan(directory: Path) -> Plan:
    """Read a project and plan its environment; raises ProjectError."""
    project = find_project(directory)
    predictor = project.read()
    trainer = project.read(Role.TRAIN) if project.config.train else None
    return Plan(project, predictor, trainer, plan_project(project, predictor))


def plan_project(
    project: LocalProject,
    predictor: PredictorSpec | None = None,
    settings: PlanSettings | None = None,
) -> Environment:
    """Plan a project's environment, for its predictor where that could be read."""
    wanted = settings or PlanSettings()
    if predictor is not None:
        wanted = replace(wanted, asynchronous=predictor.shape.asynchronous)
    return plan_environment(project.config, project.root, wanted)


def signature(spec: PredictorSpec) -> list[tuple[InputSpec, str]]:
    """Return the inputs, each with its type and limits in words."""
    return [(each, _described(each)) for each in spec.inputs]


def _described(each: InputSpec) -> str:
    kind = type(each.type).__name__.removesuffix("Type").lower()
    facts = [kind, "required" if each.required else f"default {each.default!r}"]
    if each.choices:
        facts.append(f"one of {len(each.choices)}")
    if each.ge is not None or each.le is not None:
        low = "…" if each.ge is None else f"{each.ge}"
        facts.append(f"{low} to {'…' if each.le is None else each.le}")
    return ", ".join(facts)


def report_json(environment: Environment) -> list[JSON]:
    """Return the report as JSON."""
    return [
        {
            "key": line.key,
            "status": line.status.value,
            "what": line.what,
            "why": line.why,
            "where": None if line.where is None else str(line.where),
        }
        for line in environment.report
    ]
