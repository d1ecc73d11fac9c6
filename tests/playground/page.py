"""What a person does on the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.waiting import SOON

PAUSE: Final = 0.05  # seconds between two looks
PASTE: Final = (
    "navigator.clipboard.readText().then(arguments[0], (error) => arguments[0](`${error}`))"
)


class Page:
    """What a person does on the page."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        self.url = url
        browser.get(f"{url}/playground/icon.svg")
        browser.execute_script("sessionStorage.clear()")  # what an earlier page left when it ended
        browser.get(f"{url}/playground")
        self.wait(lambda: self.find("[data-name=prompt]"))

    def find(self, selector: str) -> WebElement:
        """Return the first element that matches, once there is one."""
        return WebDriverWait(self.browser, SOON, PAUSE).until(
            lambda browser: browser.find_element(By.CSS_SELECTOR, selector)
        )

    def all(self, selector: str) -> list[WebElement]:
        """Return every element that matches now."""
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, condition: Callable[[], Any]) -> None:
        """Wait until something holds; what is found may be replaced while it is looked at."""
        waiting = WebDriverWait(
            self.browser, SOON, PAUSE, ignored_exceptions=[StaleElementReferenceException]
        )
        waiting.until(lambda _: condition())

    def click(self, selector: str) -> None:
        """Click the first match, once it has been brought clear of the bar with the buttons."""
        element = self.find(selector)
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def write(self, name: str, text: str) -> None:
        """Replace the text of a field."""
        element = self.find(f"[data-name={name}] :is(textarea, input)")
        element.clear()
        element.send_keys(text)

    def more(self) -> None:
        """Open the additional settings."""
        self.click("#more summary")

    def run(self, state: str = "succeeded") -> None:
        """Press Run and wait for the end."""
        self.click("#run")
        self.wait(lambda: self.find("#status").get_attribute("data-state") == state)

    def complaints(self) -> list[str]:
        """Return the warnings and errors of the browser's console since the last time."""
        log = self.browser.execute("getLog", {"type": "browser"})["value"]
        return [entry["message"] for entry in log if entry["level"] in {"WARNING", "SEVERE"}]

    def state(self) -> str | None:
        """Return how the run of the page stands."""
        return self.find("#status").get_attribute("data-state")

    def copied(self, selector: str) -> str:
        """Press a button that copies, and return what can be pasted then."""
        button = self.find(selector)
        self.click(selector)
        self.wait(lambda: button.text == "Copied")
        return str(self.browser.execute_async_script(PASTE))

    def text(self, selector: str) -> str:
        """Return the text of the first match, shown or not."""
        return str(self.find(selector).get_property("textContent"))
