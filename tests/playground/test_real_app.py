"""The playground of a real App, served by `cogfal serve --playground`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.cli.serving import served
from tests.playground.page import PAUSE
from tests.waiting import SOON

EXAMPLES = Path(__file__).parents[2] / "examples"
FAILING = """
from cog import BasePredictor, Secret

class Predictor(BasePredictor):
    def predict(self, token: Secret) -> str:
        print("about to try", token)
        raise ValueError("no luck")
"""


def test_a_picture_goes_in_and_comes_out(browser: Chrome, tmp_path: Path) -> None:
    """A file is picked, the example edits it, and the result is loaded from the app itself."""
    picture = tmp_path / "photo.png"
    Image.new("RGB", (40, 20), "#5241d0").save(picture)

    with served(EXAMPLES / "image-tool", tmp_path, "--playground") as url:
        browser.get(f"{url}/playground")
        wait = WebDriverWait(browser, SOON, PAUSE)
        wait.until(_element("[data-name=image] input[type=file]")).send_keys(str(picture))
        wait.until(_element("[data-name=image] .chip"))
        browser.find_element(By.ID, "run").click()
        shown = wait.until(_element("#view-preview img"))
        wait.until(lambda _: shown.get_property("naturalWidth") == 512)

    assert "512 × 256" in browser.find_element(By.TAG_NAME, "figcaption").text


def test_logs_and_failures_of_a_real_app_are_shown(browser: Chrome, tmp_path: Path) -> None:
    """What the predictor prints, its traceback, and the message; the secret nowhere."""
    (tmp_path / "cog.yaml").write_text('predict: "predict.py:Predictor"\n')
    (tmp_path / "predict.py").write_text(FAILING)
    with served(tmp_path, tmp_path, "--playground") as url:
        browser.get(f"{url}/playground")
        wait = WebDriverWait(browser, SOON, PAUSE)
        wait.until(_element("[data-name=token] input")).send_keys("hunter2")
        browser.find_element(By.ID, "run").click()
        wait.until(_element("#status[data-state=failed]"))
        error = browser.find_element(By.ID, "error").text
        logs = str(browser.find_element(By.ID, "view-logs").get_property("textContent"))
        page = str(browser.find_element(By.TAG_NAME, "body").get_property("textContent"))

    assert "no luck" in error
    assert "about to try **********" in logs
    assert 'raise ValueError("no luck")' in logs
    assert "hunter2" not in page


def test_text_is_streamed(browser: Chrome, tmp_path: Path) -> None:
    """The stream of a real App ends with the whole text."""
    with served(EXAMPLES / "streaming-text", tmp_path, "--playground") as url:
        browser.get(f"{url}/playground")
        wait = WebDriverWait(browser, SOON, PAUSE)
        wait.until(_element("[data-name=count]"))
        browser.find_element(By.ID, "run").click()
        wait.until(_element("#status[data-state=succeeded]"))
        text = browser.find_element(By.CSS_SELECTOR, "#view-preview .text").text

    assert text == "one two three"


def _element(selector: str) -> Callable[[WebDriver], WebElement]:
    return lambda browser: browser.find_element(By.CSS_SELECTOR, selector)
