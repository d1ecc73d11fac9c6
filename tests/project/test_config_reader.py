"""Tests of reading a cog.yaml: what is accepted, and what each mistake is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogfal.errors import ConfigError
from cogfal.project.config import Build, CogConfig, Command, Mount, Observability, WeightSource
from cogfal.project.config_reader import parse_config, read_config
from cogfal.project.report import SettingStatus
from cogfal.spec import Location
from tests.project.cases import Case

ALL_KEYS = """\
build:
  gpu: yes
  cuda: 12.4
  cudnn: 9
  python_version: "3.11.1"
  python_requirements: requirements.txt
  python_overrides: overrides.txt
  python_packages: []
  system_packages: [ffmpeg, 3]
  environment: [A=1]
  pre_install: ["echo pre"]
  run:
    - echo one
    - command: pip install x
      mounts:
        - type: secret
          id: pip
          target: /etc/pip.conf
  fast: "true"
  cog_runtime: false
  sdk_version: 0.18.0
predict: "predict.py:Predictor"
train: "train.py:train"
image: r8.im/me/model
concurrency:
  max: 10
  default_target: 5
environment:
  - B=x=y
weights:
  - https://example.com/a
  - {name: w, source: {uri: "https://example.com/b"}, target: w/b}
tests: [{image: x}]
"""

MISTAKES = {
    "unknown key": ("bild:\n  gpu: true\n", 1, "unknown key 'bild'", "did you mean 'build'?"),
    "unknown build key": (
        "build:\n  pyton_version: '3.11'\n",
        2,
        "unknown key 'build.pyton_version'",
        "did you mean 'build.python_version'?",
    ),
    "reference as a model": ("model: x.py:Y\n", 1, "this is a reference", "mean 'predict'?"),
    "image and model": ("image: a\nmodel: b\n", 2, "two names for the same", "remove one"),
    "concurrency as a number": ("concurrency: 32\n", 1, "not a mapping", ""),
    "build env": ("build:\n  env: [A=1]\n", 2, "unknown key 'build.env'", "environment"),
    "weights without uri": ("weights: [{source: {include: '*'}}]\n", 1, "has no `uri`", "add it"),
    "sampler unknown": (
        "observability:\n  traces:\n    sampler: sometimes\n",
        3,
        "'observability.traces.sampler'",
        "always_on",
    ),
    "sampler without traces": (
        "observability:\n  sampler: sometimes\n",
        2,
        "'observability.sampler'",
        "always_on",
    ),
    "telemetry under tracing": (
        "observability:\n  tracing:\n    config: [x]\n",
        3,
        "'observability.tracing.config'",
        "`config:` with",
    ),
    "telemetry above traces": (
        "observability:\n  config: [x]\n  traces: {}\n",
        2,
        "'observability.config'",
        "`config:` with",
    ),
    "tracing a list": (
        "observability:\n  tracing: [x]\n",
        2,
        "'observability.tracing'",
        "`tracing:` with",
    ),
    "observability a list": ("observability: [a]\n", 1, "not a mapping", ""),
    "key one level too high": ("gpu: true\n", 1, "unknown key 'gpu'", "as 'build.gpu'"),
    "key one level too low": ("build:\n  predict: p.py:P\n", 2, "'build.predict'", "top level"),
    "far from any key of a command": (
        "build:\n  run: [{zzz: x}]\n",
        2,
        "unknown key 'build.run[0].zzz'",
        "the keys here are command, mounts",
    ),
    "python 3.1": (
        "build:\n  python_version: 3.1\n",
        2,
        "an unquoted 3.10",
        'python_version: "3.10"',
    ),
    "python 2": ("build:\n  python_version: '2.7'\n", 2, "'2.7' is not a Python version", '"3.11"'),
    "python 3.6": ("build:\n  python_version: '3.6'\n", 2, "older than anything", "3.8 or newer"),
    "python word": ("build:\n  python_version: latest\n", 2, "'latest' is not", "3.11"),
    "both packages": (
        "build:\n  python_packages: [a]\n  python_requirements: r.txt\n",
        2,
        "exclude each other",
        "move the packages into",
    ),
    "predict and run": ("predict: p.py:P\nrun: r.py:R\n", 2, "two spellings", "keep one"),
    "mapping for a string": ("image: {a: b}\n", 1, "is a mapping, not a text", "`image:` with"),
    "list for a string": ("image: [a]\n", 1, "'image' is a list, not a text", "`image:` with"),
    "mapping for a reference": (
        "train:\n  script: train.py\n",
        2,
        "'train' is a mapping, not a reference",
        'a reference such as "train.py:train"',
    ),
    "string for a list": (
        "build:\n  system_packages: ffmpeg\n",
        2,
        "is str 'ffmpeg', not a list",
        "",
    ),
    "string for a mapping": ("build: x\n", 1, "'build' is str 'x', not a mapping", ""),
    "list for a boolean": (
        "build:\n  gpu: [true]\n",
        2,
        "a list, not true or false",
        "`gpu:` with",
    ),
    "word for a number": (
        "observability:\n  traces: {sampler_arg: half}\n",
        2,
        "str 'half', not a number",
        "`sampler_arg:` with",
    ),
    "string for commands": ("build:\n  run: make\n", 2, "str 'make', not a list of commands", ""),
    "list for a mapping": ("concurrency: [1]\n", 1, "not a mapping", ""),
    "word for a boolean": ("build:\n  gpu: maybe\n", 2, "not true or false", ""),
    "empty text": ("image: ''\n", 1, "'image' is empty", "remove the key"),
    "reference without a class": ("predict: predict.py\n", 1, "not a reference", "predict.py:Pred"),
    "reference with a newline": ('predict: "a\\nb.py:C"\n', 1, "not a reference", ""),
    "concurrency zero": ("concurrency: {max: 0}\n", 1, "whole number of at least 1", ""),
    "concurrency float": ("concurrency: {max: 1.5}\n", 1, "whole number", ""),
    "concurrency empty": ("concurrency: {default_target: 1}\n", 1, "has no `max`", "add `max`"),
    "cuda major only": ("build:\n  cuda: 12\n", 2, "'build.cuda' is not a version", "12.4"),
    "cudnn word": ("build:\n  cudnn: eight\n", 2, "not a version", ""),
    "environment without value": ("environment: [A]\n", 1, "not an assignment", "NAME=value"),
    "environment bad name": ("environment: ['1A=2']\n", 1, "not a name for an env", "NAME=value"),
    "environment twice": ("environment:\n  - A=1\n  - A=2\n", 3, "A is given twice", "remove it"),
    "environment of the runner": ("environment: [PATH=/x]\n", 1, "PATH belongs to", "remove it"),
    "environment of 2021": (
        "environment:\n  python_version: '3.8'\n",
        2,
        "a setting of the build",
        "to `build`",
    ),
    "environment of lists": ("environment: {A: [1]}\n", 1, "not a text", ""),
    "command missing": ("build:\n  run: [{mounts: []}]\n", 2, "has no `command`", "add it"),
    "command unknown key": ("build:\n  run: [{comand: x}]\n", 2, "comand", "run[0].command"),
    "mounts not a list": ("build:\n  run: [{command: x, mounts: y}]\n", 2, "not a list", ""),
    "mount not a mapping": ("build:\n  run: [{command: x, mounts: [y]}]\n", 2, "not a mapping", ""),
    "mount incomplete": (
        "build:\n  run:\n    - command: x\n      mounts:\n        - {type: secret, id: a}\n",
        5,
        "has no `target`",
        "add it",
    ),
    "mount of another type": (
        "build:\n  run: [{command: x, mounts: [{type: bind, id: a, target: /b}]}]\n",
        2,
        "of type 'bind'",
        "only `type: secret`",
    ),
    "mount that adds a flag": (
        "build:\n  run: [{command: x, mounts: [{type: secret, id: 'a,env=B', target: /b}]}]\n",
        2,
        "plain id",
        "such as",
    ),
    "mount target relative": (
        "build:\n  run: [{command: x, mounts: [{type: secret, id: a, target: b}]}]\n",
        2,
        "absolute target",
        "such as",
    ),
    "weights without source": ("weights: [{target: a}]\n", 1, "has no `source`", "add it"),
    "weights not a list": ("weights: x\n", 1, "not a list", ""),
    "document is a list": ("- a\n", 1, "not a mapping of keys", "predict:"),
    "nul": ('image: "a\\0b"\n', 1, "NUL character", "remove it"),
}


def test_every_documented_key_is_read() -> None:
    """Old and new keys, in every form that is documented, end up in the config."""
    config = parse_config(ALL_KEYS)

    assert config == CogConfig(
        build=Build(
            gpu=True,
            cuda="12.4",
            cudnn="9",
            python_version="3.11.1",
            python_requirements="requirements.txt",
            python_overrides="overrides.txt",
            system_packages=("ffmpeg", "3"),
            environment=(("A", "1"),),
            pre_install=(Command("echo pre"),),
            run=(
                Command("echo one"),
                Command("pip install x", (Mount("pip", "/etc/pip.conf"),)),
            ),
            fast=True,
        ),
        predict="predict.py:Predictor",
        train="train.py:train",
        image="r8.im/me/model",
        max_concurrency=10,
        environment=(("B", "x=y"),),
        weights=(
            WeightSource("https://example.com/a", key="weights[0]"),
            WeightSource("https://example.com/b", "w/b", key="weights[1]"),
        ),
        sdk_version="0.18.0",
        tests=True,
    )


def test_keys_that_are_none_of_cogs_are_left_out(tmp_path: Path) -> None:
    """Cog does not look at them either; what is near to one of its own is a mistake."""
    text = "resources: [a]\nbuild:\n  base_image: x\n"

    plan = Case("x", f"{text}predict: predict.py:P\n").plan(tmp_path)

    assert parse_config(text).unknown == ("resources", "build.base_image")
    left_out = [line for line in plan.report if line.status is SettingStatus.UNSUPPORTED]
    assert [(line.key, str(line.where)) for line in left_out] == [
        ("resources", "cog.yaml:1"),
        ("build.base_image", "cog.yaml:3"),
    ]


def test_the_push_target_is_the_image() -> None:
    """`model` is what `image` is called today."""
    assert parse_config("model: registry.host/me/painter\n").image == "registry.host/me/painter"


def test_weights_have_sources_of_several_kinds() -> None:
    """A text, a mapping with patterns, and a list of either, each with the entry's target."""
    config = parse_config(
        "weights:\n"
        "  - {name: w, source: hf://me/model, target: w}\n"
        "  - source:\n"
        "      - hf://me/other@v2\n"
        "      - {uri: https://host.invalid/x.bin, include: '*.bin', exclude: [a, b]}\n"
        "    target: v\n"
    )

    assert config.weights == (
        WeightSource("hf://me/model", "w", key="weights[0]"),
        WeightSource("hf://me/other@v2", "v", key="weights[1]"),
        WeightSource("https://host.invalid/x.bin", "v", ("*.bin",), ("a", "b"), "weights[1]"),
    )


@pytest.mark.parametrize("key", ["traces", "tracing"])
def test_tracing_is_read(key: str) -> None:
    """Its settings become the variables by which Cog hands them on; others stop nobody."""
    found = parse_config(
        f"observability:\n  {key}:\n    enabled: true\n    sampler: parentbased_traceidratio\n"
        "    sampler_arg: 0.25\n    header: x-trace\n    header_format: w3c\n    unheard_of: 1\n"
        "    config: telemetry.py\n"
    ).observability

    assert found == Observability(
        True, "parentbased_traceidratio", "0.25", "x-trace", "w3c", "telemetry.py"
    )
    assert dict(found.variables()) == {
        "COG_TRACE_CONFIGURED": "true",
        "COG_TRACE_ENABLED": "true",
        "COG_TRACE_SAMPLER": "parentbased_traceidratio",
        "COG_TRACE_SAMPLER_ARG": "0.25",
        "COG_TRACE_HEADER": "x-trace",
        "COG_TRACE_HEADER_FORMAT": "w3c",
        "COG_OBSERVABILITY_CONFIG": "telemetry.py",
    }


def test_the_author_s_own_provider_may_stand_a_level_higher() -> None:
    """It is of more than traces."""
    text = "observability:\n  config: telemetry.py\n  traces:\n    enabled: true\n"

    found = parse_config(text).observability

    assert found == Observability(enabled=True, config="telemetry.py")


def test_a_variable_of_nothing_is_empty() -> None:
    """`FOO: ~` is YAML for it."""
    assert parse_config("environment: {FOO: ~, BAR: 1e3}\n").environment == (
        ("FOO", ""),
        ("BAR", "1e3"),
    )


def test_a_secret_in_front_of_a_command_is_a_mount() -> None:
    """As Docker has it, whose words Cog passes on."""
    text = "--mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=b pip install x"

    found = parse_config(f"build:\n  run:\n    - {text}\n").build.run

    mounts = (Mount("pip", "/etc/pip.conf"), Mount("b", "/run/secrets/b"))
    assert found == (Command("pip install x", mounts),)


@pytest.mark.parametrize("mount", ["id=-a", "id=a,target=relative", "target=/etc/pip.conf"])
def test_a_mount_that_names_no_secret_stays_in_the_command(mount: str) -> None:
    """Docker then says what is wrong with it."""
    text = f"--mount=type=secret,{mount} pip install x"

    assert parse_config(f"build:\n  run:\n    - {text}\n").build.run == (Command(text),)


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("build.cuda", 3),
        ("build.system_packages[1]", 9),
        ("build.run[1]", 14),
        ("build.run[1].mounts[0]", 16),
        ("concurrency.max", 26),
        ("environment.B", 29),
    ],
)
def test_lines_are_remembered(key: str, line: int) -> None:
    """Every key, and every item of a list, knows its line."""
    assert parse_config(ALL_KEYS).where(key) == Location("cog.yaml", line)


def test_absent_keys_are_placed_in_the_file() -> None:
    """A message about a key that is not there can still name the file."""
    assert parse_config("", "other.yaml").where("build.gpu") == "other.yaml"


@pytest.mark.parametrize(("text", "line", "what", "remedy"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes_are_explained(text: str, line: int, what: str, remedy: str) -> None:
    """A mistake is answered with its line, what is wrong and what to write instead."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text)

    assert caught.value.where == Location("cog.yaml", line)
    assert what in caught.value.what
    assert caught.value.remedy
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("text", ["", "# nothing\n", "null\n", "---\n", "build:\n", "build: {}\n"])
def test_emptiness_is_the_default(text: str) -> None:
    """An empty file and empty stanzas mean the same as none."""
    assert parse_config(text) == CogConfig()


def test_an_unquoted_python_version_keeps_its_zero() -> None:
    """`3.10` without quotes is read as it is written, not as the number 3.1."""
    assert parse_config("build:\n  python_version: 3.10\n").build.python_version == "3.10"


def test_run_is_the_new_spelling_of_predict() -> None:
    """A reference under `run` is the predictor's."""
    assert parse_config("run: run.py:Runner\n").predict == "run.py:Runner"


@pytest.mark.parametrize(
    ("content", "what"),
    [(None, "no file"), (b"\xff\xfe\xff", "not UTF-8"), ("directory", "no file")],
    ids=["missing", "binary", "directory"],
)
def test_unreadable_files_are_explained(
    content: bytes | str | None, what: str, tmp_path: Path
) -> None:
    """What the system says about a file becomes one of our errors."""
    path = tmp_path / "cog.yaml"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir()

    with pytest.raises(ConfigError, match=what):
        read_config(path)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    """Files written by Windows editors are read."""
    path = tmp_path / "cog.yaml"
    path.write_bytes(b"\xef\xbb\xbfpredict: p.py:P\r\n")

    assert read_config(path).predict == "p.py:P"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Arbitrary text yields a config or a ConfigError, and nothing else."""
    try:
        found: object = parse_config(text)
    except ConfigError as error:
        found = error

    assert isinstance(found, CogConfig | ConfigError)
