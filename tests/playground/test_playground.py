"""The playground in a real browser: fill the form, run, see what came back."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import httpx
import pytest
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from tests.playground.conftest import Served
from tests.playground.page import Page


class SamplePage(Page):
    """The page of the sample app, which can be asked what it got."""

    def __init__(self, browser: Chrome, served: Served) -> None:
        super().__init__(browser, served.url)
        self.sample = served.sample


@pytest.fixture
def page(browser: Chrome, served: Served) -> SamplePage:
    """A freshly opened page."""
    served.sample.bodies.clear()
    return SamplePage(browser, served)


@pytest.fixture
def style(tmp_path: Path) -> Path:
    """A small picture on disk."""
    path = tmp_path / "style.png"
    Image.new("RGB", (4, 4), "#888888").save(path)
    return path


def test_a_filled_form_shows_the_pictures_that_came_back(page: SamplePage, style: Path) -> None:
    """Prompt, file and choice in; that many pictures, loaded, out."""
    page.write("prompt", "a red square")
    page.find("[data-name=image] input[type=file]").send_keys(str(style))
    page.click("[data-name=num_outputs] label:nth-of-type(3)")

    page.run()

    pictures = page.all("#view-preview img")
    page.wait(lambda: all(int(str(one.get_property("naturalWidth"))) == 256 for one in pictures))
    assert len(pictures) == 3
    assert "256 × 256" in page.text("figcaption")


def test_only_what_was_set_is_sent(page: SamplePage, style: Path) -> None:
    """Untouched defaults stay out of the request; a picked file goes as a data URL."""
    page.write("prompt", "a red square")
    page.find("[data-name=image] input[type=file]").send_keys(str(style))
    page.wait(lambda: page.all("[data-name=image] .chip"))

    page.run()

    (body,) = page.sample.bodies
    assert set(body) == {"prompt", "image"}
    assert body["image"].startswith("data:image/png;base64,")


DROP = """
const [target, name] = arguments;
const data = new DataTransfer();
data.items.add(new File([name], name, {type: "image/png"}));
const event = new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
target.dispatchEvent(event);
return event.defaultPrevented;
"""


def test_a_dropped_file_is_taken_and_replaced(page: SamplePage) -> None:
    """On the empty input, and on the file that it has by then."""
    page.browser.execute_script(DROP, page.find("[data-name=image] .zone"), "first.png")
    page.wait(lambda: "first.png" in page.text("[data-name=image] .picker"))
    page.browser.execute_script(DROP, page.find("[data-name=image] .chip"), "second.png")
    page.wait(lambda: "second.png" in page.text("[data-name=image] .picker"))

    assert len(page.all("[data-name=image] .chip")) == 1


def test_a_file_that_misses_its_input_leaves_the_page_alone(page: SamplePage) -> None:
    """A browser would go and show it, and the filled form would be gone."""
    missed = page.browser.execute_script(DROP, page.find("#title"), "missed.png")

    assert missed
    assert page.all(".chip") == []


def test_every_kind_of_widget_sends_its_own_type(page: SamplePage) -> None:
    """Sliders, numbers, switches, lists, choices and JSON arrive as what the schema says."""
    page.write("prompt", "x")
    page.more()
    page.find("[data-name=width] input[type=range]").send_keys(Keys.RIGHT)
    page.write("size", "2.5")
    page.write("seed", "41")
    page.click("[data-name=tile] input")
    page.write("api_key", "hunter2")
    page.click("[data-name=words] > div > button")
    page.find("[data-name=words] .row input").send_keys("sun")
    page.all("[data-name=safety] input")[1].click()
    page.find("[data-name=scheduler] select").send_keys("PNDM")
    page.write("extra", '{"a": [1]}')
    address = page.find("[data-name=references] .address")
    address.send_keys("https://example.com/a.png", Keys.TAB)

    page.run()

    (body,) = page.sample.bodies
    assert body == {
        "prompt": "x",
        "width": 320,
        "size": 2.5,
        "seed": 41,
        "tile": True,
        "api_key": "hunter2",
        "words": ["sun"],
        "safety": ["faces", "text"],
        "scheduler": "PNDM",
        "extra": {"a": [1]},
        "references": ["https://example.com/a.png"],
    }


def test_hidden_inputs_are_not_asked_for(page: SamplePage) -> None:
    """An input with the hint `hidden` has no field."""
    assert page.all("[data-name=internal]") == []


def test_additional_settings_start_closed(page: SamplePage) -> None:
    """What has a default and no importance waits below; what must be given does not."""
    assert page.find("#more").get_attribute("open") is None
    assert page.all("#fields [data-name=prompt]")
    assert page.all("#more-fields [data-name=guidance_scale]")


def test_an_error_is_shown_at_its_field(page: SamplePage) -> None:
    """The field named by `loc` carries the message, is marked invalid and has the focus."""
    page.write("prompt", "refused")

    page.run("failed")

    field = page.find("[data-name=prompt] textarea")
    assert page.text("[data-name=prompt] .problem") == "String should match pattern"
    assert field.get_attribute("aria-invalid") == "true"
    assert page.browser.switch_to.active_element == field
    assert "422" in page.text("#error")


def test_what_must_be_given_is_asked_for(page: SamplePage) -> None:
    """A required text that is empty is refused at its field, and nothing is sent."""
    page.write("prompt", "")

    page.click("#run")

    field = page.find("[data-name=prompt] textarea")
    assert page.text("[data-name=prompt] .problem") == "Field required"
    assert page.browser.switch_to.active_element == field
    page.write("prompt", "given")
    page.run()
    assert page.sample.bodies == [{"prompt": "given"}]


def test_an_emptied_text_is_left_out_where_nothing_is_the_default(page: SamplePage) -> None:
    """The two say the same there."""
    page.write("prompt", "x")
    page.more()
    page.write("negative_prompt", "blurry")
    page.write("negative_prompt", "")

    page.run()

    assert page.sample.bodies == [{"prompt": "x"}]


def test_an_emptied_text_is_sent_against_its_default(page: SamplePage) -> None:
    """Left out, it would be the default that the person took away."""
    page.click("[data-path='/caption']")
    page.write("question", "")

    page.run()

    assert page.sample.bodies == [{"question": ""}]


def test_typing_takes_an_error_away(page: SamplePage) -> None:
    """A field that is being corrected is no longer marked."""
    page.write("prompt", "refused")
    page.run("failed")

    page.write("prompt", "better")

    assert page.text("[data-name=prompt] .problem") == ""
    assert page.find("[data-name=prompt] textarea").get_attribute("aria-invalid") is None


def test_a_failure_shows_its_message_and_logs(page: SamplePage) -> None:
    """An error that belongs to no field is shown above the result, logs in their tab."""
    page.write("prompt", "broken")

    page.run("failed")

    assert "the model fell over" in page.text("#error")
    assert "loading" in page.text("#view-logs")


def test_cancel_ends_a_running_prediction(page: SamplePage) -> None:
    """The button asks the app by the request's own id, and the page says what happened."""
    page.write("prompt", "wait")
    page.click("#run")
    page.wait(lambda: page.sample.running)

    page.click("#cancel")

    page.wait(lambda: page.find("#status").get_attribute("data-state") == "cancelled")
    assert not page.find("#cancel").is_displayed()


def test_timings_and_logs_are_shown(page: SamplePage) -> None:
    """What the app says of itself stands below the output."""
    page.write("prompt", "x")

    page.run()

    assert "predict1.250 s" in page.text("#timings")
    assert "painting" in page.text("#view-logs")


def test_streamed_text_arrives_in_pieces_and_ends_whole(page: SamplePage) -> None:
    """Another endpoint's form is a click away; its stream ends with the joined text."""
    page.click("[data-path='/caption']")
    page.write("question", "What now?")

    page.run()

    assert page.text("#view-preview .text") == "a small red square"
    assert "looking" in page.text("#view-logs")
    assert page.sample.bodies == [{"question": "What now?"}]


CLIENTS: Final = ("curl", "fal", "requests", "replicate", "javascript")


@pytest.fixture(scope="module")
def calls(
    browser: Chrome, served: Served, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The call of a filled form, as it is written for each client."""
    style = tmp_path_factory.mktemp("pictures") / "style.png"
    Image.new("RGB", (4, 4), "#888888").save(style)
    page = SamplePage(browser, served)
    page.write("prompt", 'it\'s $5, say "hi"\nand None')
    page.find("[data-name=image] input[type=file]").send_keys(str(style))
    page.more()
    page.click("[data-name=tile] input")
    page.write("api_key", "hunter2")
    page.write("extra", '{"deep": {"a": null, "b": [true, {}]}}')
    return {client: page.text(f"#code-{client} pre") for client in CLIENTS}


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        ("curl", ["curl -X POST http://127.0.0.1:", "--data-binary @-", "base64 < style.png"]),
        ("fal", ["client.run(", 'fal_client.encode_file("style.png")', '"tile": True']),
        ("requests", ["requests.post(", 'data_url("style.png", "image/png")']),
        ("replicate", ["cogfal gateway your-name/picture-maker=", 'open("style.png", "rb")']),
        ("javascript", ["await fetch(", 'dataUrl("style.png", "image/png")', "tile: true"]),
    ],
)
def test_the_call_is_written_for_each_client(
    calls: dict[str, str], language: str, parts: list[str]
) -> None:
    """Files are named, not inlined, and a secret's value is never part of the text."""
    code = calls[language]

    assert [part for part in parts if part not in code] == []
    assert "hunter2" not in code


@pytest.mark.parametrize("client", ["fal", "requests", "replicate"])
def test_python_snippets_are_python(calls: dict[str, str], client: str) -> None:
    """What is offered to be copied compiles."""
    compile(calls[client], "snippet.py", "exec")


def test_a_secret_is_masked_until_asked(page: SamplePage) -> None:
    """The field hides what is typed; a button shows it."""
    page.more()
    field = page.find("[data-name=api_key] input")
    assert field.get_attribute("type") == "password"

    page.click("[data-name=api_key] button")

    assert field.get_attribute("type") == "text"


def test_the_keyboard_runs_the_form(page: SamplePage) -> None:
    """Ctrl and Enter in a text run it."""
    page.write("prompt", "x")

    page.find("[data-name=prompt] textarea").send_keys(Keys.CONTROL, Keys.ENTER)

    page.wait(lambda: page.find("#status").get_attribute("data-state") == "succeeded")


def test_reset_brings_the_defaults_back(page: SamplePage) -> None:
    """Every widget returns to what the schema says."""
    page.more()
    page.write("size", "9")

    page.click("button[type=reset]")

    assert page.find("[data-name=size] input").get_property("value") == "1"


def test_every_control_has_a_name(page: SamplePage) -> None:
    """A screen reader can say what each field and button is."""
    page.more()

    controls = page.all("#form :is(input, textarea, select, button):not([hidden], [hidden] *)")

    assert [one.get_attribute("outerHTML") for one in controls if not one.accessible_name] == []


def test_the_browser_has_nothing_to_complain_of(page: SamplePage) -> None:
    """Neither the content security policy nor a script reports a problem during a run."""
    page.complaints()
    page.write("prompt", "x")

    page.run()

    assert page.complaints() == []


@pytest.mark.parametrize("path", ["/playground", "/playground/main.js", "/playground/style.css"])
def test_every_file_forbids_what_it_does_not_need(served: Served, path: str) -> None:
    """Policy and `nosniff` come with the page and with each of its parts."""
    response = httpx.get(served.url + path)

    assert response.status_code == 200
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["nothing.js", "..%2f__init__.py", "%2e%2e/__init__.py"])
def test_only_the_pages_own_files_are_served(served: Served, name: str) -> None:
    """A name leads to a known file or to nothing."""
    response = httpx.get(f"{served.url}/playground/{name}")

    assert response.status_code == 404


def test_a_slash_too_many_leads_to_the_page(served: Served) -> None:
    """The page's relative addresses only work from its own."""
    response = httpx.get(f"{served.url}/playground/", follow_redirects=True)

    assert response.url.path == "/playground"
