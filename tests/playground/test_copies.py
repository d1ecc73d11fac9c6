"""What the page offers to be copied does what it says, whatever the inputs hold."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from PIL import Image
from selenium.webdriver import Chrome

from tests import forking
from tests.gateway.gateways import gateway, python_client
from tests.playground.page import Page
from tests.playground.studio import Studio

HOSTILE: Final = 'it\'s $(touch pwned) `touch pwned` "$HOME" \\ \n%s @x ${x} {y} # é 🙂'
TYPE: Final = """
const [element, text] = arguments;
element.value = text;
element.dispatchEvent(new Event("input", {bubbles: true}));
"""
LANGUAGES: Final = ("curl", "fal", "requests", "javascript")
FILE: Final = "-my 'odd' $(touch pwned) \"n\" .png"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where somebody pastes what the page offers, beside the picture that they picked."""
    folder = tmp_path_factory.mktemp("somebody")
    Image.new("RGB", (4, 4), "#888888").save(folder / FILE)
    return folder


@pytest.fixture
def page(browser: Chrome, studio: Studio, folder: Path) -> Page:
    """The page, with inputs that no shell, no Python and no JavaScript may run."""
    return filled(browser, studio, folder)


def filled(browser: Chrome, studio: Studio, folder: Path) -> Page:
    """Open the page, pick a file and give hostile inputs."""
    page = Page(browser, studio.url)
    page.find("[data-name=image] input[type=file]").send_keys(str(folder / FILE))
    page.wait(lambda: page.all("[data-name=image] .chip"))
    browser.execute_script(TYPE, page.find("[data-name=prompt] textarea"), HOSTILE)
    page.more()
    page.write("extra", '{"a": [null, true, "it\'s"], "@b": "@c"}')
    return page


@pytest.fixture(scope="module")
def snippets(browser: Chrome, studio: Studio, folder: Path) -> dict[str, str]:
    """What that page offers, for each language."""
    page = filled(browser, studio, folder)
    return {language: page.text(f"#code-{language} pre") for language in (*LANGUAGES, "replicate")}


@pytest.fixture(scope="module")
def snippets_of_a_data_url(browser: Chrome, studio: Studio, folder: Path) -> dict[str, str]:
    """The same, where somebody was given a data URL to paste, whose media type is hostile."""
    page = filled(browser, studio, folder)
    page.click("[data-name=image] .chip button")
    browser.execute_script(
        f"{TYPE}; element.dispatchEvent(new Event('change'))",
        page.find("[data-name=image] .address"),
        "data:image/'\"$(touch pwned)`touch pwned`;base64,AAAA",
    )
    page.wait(lambda: page.all("[data-name=image] .chip"))
    return {language: page.text(f"#code-{language} pre") for language in LANGUAGES}


def output_of(command: list[str], folder: Path, **variables: str) -> str:
    """Run something in the folder, and return what it printed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (folder / "pwned").exists()
    return done.stdout


def command_of(language: str, code: str) -> list[str]:
    """Return what runs a snippet in its own shell."""
    match language:
        case "curl":
            return ["bash", "-c", code.replace("curl ", "curl -sS --fail ", 1)]
        case "javascript":
            node = shutil.which("node")
            if node is None:
                pytest.skip("node is not installed (Debian: apt-get install nodejs)")
            return [node, "--input-type=module", "-e", code]
        case "requests":
            return [sys.executable, "-c", code]
        case _:
            return [str(forking.command("python")), "-c", code]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_snippet_runs_against_this_server(
    snippets: dict[str, str], folder: Path, language: str
) -> None:
    """In its own shell, with the form's inputs and the picked file; nothing of them is executed."""
    printed = output_of(command_of(language, snippets[language]), folder)

    assert "é 🙂" in printed
    assert "1.png" in printed


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_media_type_is_not_executed(
    snippets_of_a_data_url: dict[str, str], folder: Path, language: str
) -> None:
    """Whoever gives somebody a data URL to paste chooses it; the app refuses this one."""
    (folder / "input.bin").write_bytes(b"\0\0\0")
    code = snippets_of_a_data_url[language]

    subprocess.run(
        command_of(language, code), cwd=folder, capture_output=True, timeout=100, check=False
    )
    assert "input.bin" in code
    assert not (folder / "pwned").exists()


def test_the_snippet_for_replicate_runs_through_a_gateway(
    snippets: dict[str, str], studio: Studio, folder: Path, tmp_path: Path
) -> None:
    """The gateway is started as the snippet says."""
    code = snippets["replicate"]
    command, _, program = code.partition("\n")
    target = command.rpartition(" ")[2]
    assert target == f"your-name/studio={studio.url}"

    with gateway(tmp_path, os.environ, target, "--allow-private-hosts") as served:
        here = program.replace("http://127.0.0.1:8787", served.url)
        printed = output_of([str(python_client("1.0.7")), "-c", here], folder)

    assert "é 🙂" in printed


def test_a_run_copies_as_a_command(page: Page, studio: Studio, folder: Path) -> None:
    """`cogfal predict` answers the same, in the project's directory."""
    shutil.copy(folder / FILE, studio.project / FILE)
    page.run()

    line = page.copied("#copies button:nth-of-type(2)")

    assert line.startswith("cogfal predict ")
    path = f"{forking.commands()}{os.pathsep}{os.environ['PATH']}"
    printed = output_of(["bash", "-c", f"{line} --output out/"], studio.project, PATH=path)
    written = "".join(
        file.read_text("utf-8", "replace") for file in (studio.project / "out").iterdir()
    )
    assert "é 🙂" in printed + written


def test_a_run_copies_as_a_test(page: Page, studio: Studio) -> None:
    """Pytest passes with it, and fails with another answer."""
    page.run()

    code = page.copied("#copies button:nth-of-type(3)")

    (studio.project / "conftest.py").write_text('pytest_plugins = ["cogfal.testing.plugin"]\n')
    (studio.project / "test_copied.py").write_text(code)
    run = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_copied.py"]
    printed = output_of([str(forking.command("python")), *run], studio.project)
    assert "1 passed" in printed
    assert 'output["words"] ==' in code


def test_a_run_copies_as_a_link(page: Page) -> None:
    """That leads to the same inputs, but for the file."""
    page.run()

    link = page.copied("#copies button:nth-of-type(1)")
    page.write("prompt", "another")
    page.browser.get(link)

    field = "[data-name=prompt] textarea"
    page.wait(lambda: page.find(field).get_property("value") == HOSTILE)
    assert page.all("[data-name=image] .chip") == []
