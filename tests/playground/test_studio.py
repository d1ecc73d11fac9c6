"""The page of a real App in a real browser: what it keeps, what it shows, and what it offers."""

from __future__ import annotations

import base64
import io
import threading
from functools import partial
from urllib.parse import quote

import httpx
import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys

from tests.playground.conftest import ELSEWHERE
from tests.playground.page import Page
from tests.playground.studio import Studio
from tests.waiting import until


@pytest.fixture
def page(browser: Chrome, studio: Studio) -> Page:
    """A freshly opened page."""
    return Page(browser, studio.url)


def reload(page: Page) -> None:
    """Load the page anew, as a person would."""
    page.browser.refresh()
    page.wait(lambda: page.find("[data-name=prompt]"))


def prompt_of(page: Page) -> object:
    """Return what the prompt's field holds."""
    return page.find("[data-name=prompt] textarea").get_property("value")


def test_inputs_and_the_last_result_survive_a_reload(page: Page) -> None:
    """A secret alone is gone."""
    page.write("prompt", "a blue square")
    page.more()
    page.write("token", "hunter2")
    page.run()

    reload(page)

    assert prompt_of(page) == "a blue square"
    assert page.state() == "succeeded"
    assert len(page.all("#view-preview img")) == 2
    assert page.find("[data-name=token] input").get_property("value") == ""
    assert "hunter2" not in str(
        page.browser.execute_script("return JSON.stringify(sessionStorage)")
    )


def test_a_link_carries_the_inputs(page: Page, studio: Studio) -> None:
    """It opens the page with them, and holds neither secrets nor files of this machine."""
    page.write("prompt", "by link & co")
    page.more()
    page.write("token", "hunter2")
    page.find("[data-name=image] input[type=file]").send_keys(
        str(studio.project / "inputs/square.png")
    )
    page.wait(lambda: page.all("[data-name=image] .chip"))

    link = page.copied("#link")

    assert link.startswith(f"{studio.url}/playground#input=")
    assert "hunter2" not in link
    assert "base64" not in link
    page.write("prompt", "something else")
    page.browser.get(link)
    page.wait(lambda: prompt_of(page) == "by link & co")
    assert page.browser.current_url == f"{studio.url}/playground"


def test_a_run_of_before_can_be_gone_back_to(page: Page) -> None:
    """Its thumbnail leads to its inputs and its result."""
    page.write("prompt", "first")
    page.run()
    page.write("prompt", "second")
    page.run()
    page.wait(lambda: len(page.all("#runs .run")) == 2)

    page.click("#runs li:last-child .run")

    assert prompt_of(page) == "first"
    assert '"words": "first"' in page.text("#view-json")
    assert page.all("#runs img.thumb")


def test_an_example_fills_the_form(page: Page) -> None:
    """Its file is fetched from the app, and what it leaves out has its default."""
    page.write("prompt", "x")

    page.click("#example-list button")

    page.wait(lambda: prompt_of(page) == "a red square")
    assert "square.png" in page.text("[data-name=image] .chip")
    page.run()
    assert '"steps": 7' in page.text("#view-raw")
    assert "data:image/png;base64," in page.text("#view-raw")


def test_what_an_example_was_answered_is_shown(page: Page) -> None:
    """Marked as recorded; `@@` is an `@`, and a file comes from the app."""
    page.click("#example-list button:nth-child(2)")

    page.wait(lambda: page.state() == "recorded")
    assert "as before" in page.text("#view-preview")
    picture = page.find("#view-preview img")
    page.wait(lambda: picture.get_property("naturalWidth") == 120)
    assert "@home" in str(page.find("[data-name=extra] textarea").get_property("value"))


def test_only_the_files_of_the_examples_are_served(studio: Studio) -> None:
    """Each to be saved rather than opened; nothing else of the project has an address."""
    file = httpx.get(f"{studio.url}/playground/examples/inputs/square.png")
    others = [
        httpx.get(f"{studio.url}/playground/examples/{name}").status_code
        for name in ("predict.py", "inputs", "inputs/../predict.py", "..%2Fcog.yaml")
    ]

    assert file.headers["content-type"] == "image/png"
    assert file.headers["content-disposition"].startswith("attachment")
    assert others == [404, 404, 404, 404]


def test_fals_playground_gets_the_examples(studio: Studio) -> None:
    """As `examples` of the inputs, but for files, which have no public address."""
    document = httpx.get(f"{studio.url}/openapi.json").json()

    inputs = document["components"]["schemas"]["PredictInput"]["properties"]
    assert inputs["prompt"]["examples"] == ["a red square", 'an "@" sign']
    assert inputs["steps"]["examples"] == [7, 4]
    assert inputs["extra"]["examples"] == [{}, {"sign": "@home"}]
    assert "examples" not in inputs["image"]
    assert "examples" not in document["components"]["schemas"]["Input"]["properties"]["prompt"]


def test_inputs_can_be_edited_as_json(page: Page, studio: Studio) -> None:
    """The form follows; files stand by name, and a mistake is told with its place."""
    page.write("prompt", "x")
    page.find("[data-name=image] input[type=file]").send_keys(
        str(studio.project / "inputs/square.png")
    )
    page.wait(lambda: page.all("[data-name=image] .chip"))
    page.click("#as-json")
    editor = page.find("#json-input textarea")
    assert '"image": "@square.png"' in str(editor.get_property("value"))

    editor.clear()
    editor.send_keys('{"prompt" "y"}')
    assert page.text("#json-problem") == "not JSON: line 1, column 11"
    page.click("#run")
    assert page.state() == "idle"
    editor.clear()
    editor.send_keys('{"prompt": "y", "image": "@square.png", "width": 32}')
    page.run()

    page.click("#as-json")
    assert prompt_of(page) == "y"
    assert '"width": 32' in page.text("#view-raw")
    assert "square.png" in page.text("[data-name=image] .chip")


def test_json_that_is_none_is_told_before_it_is_sent(page: Page) -> None:
    """At its input, with line and column; nothing is sent."""
    page.write("prompt", "x")
    page.more()
    page.write("extra", '{"a": 1 "b": 2}')

    page.click("#run")

    assert page.text("[data-name=extra] .problem") == "not JSON: line 1, column 9"
    assert page.text("#error p") == "Extra needs attention."
    assert page.state() == "idle"


def test_what_needs_attention_is_named_and_led_to(page: Page) -> None:
    """Each by its title, which is a button; the first is scrolled to."""
    page.write("prompt", "")
    page.more()
    page.write("extra", "{")

    page.click("#run")

    assert page.text("#error p") == "Prompt and Extra need attention."
    assert page.browser.switch_to.active_element == page.find("[data-name=prompt] textarea")
    page.click("#error .goto:last-child")
    assert page.browser.switch_to.active_element == page.find("[data-name=extra] textarea")


def test_a_refusal_names_its_field(page: Page) -> None:
    """What the app says of an input stands there, and the whole answer is JSON to be read."""
    page.write("prompt", "x")
    page.more()
    box = page.find("[data-name=steps] input[type=number]")
    box.clear()
    box.send_keys("99")

    page.run("failed")

    assert page.text("#error p") == "Steps needs attention."
    assert "less than or equal to 50" in page.text("[data-name=steps] .problem")
    assert '"less_than_equal"' in page.text("#view-json")


def test_whoever_knows_its_id_may_ask_how_a_run_stands(studio: Studio) -> None:
    """While it runs, and for its logs from a character on; of others nothing is known."""
    headers = {"x-fal-request-id": "mine", "x-cogfal-logs": "1"}
    said: list[httpx.Response] = []
    ask = partial(httpx.post, studio.url, json={"prompt": "gate"}, headers=headers)
    caller = threading.Thread(target=lambda: said.append(ask()))
    caller.start()
    mine = f"{studio.url}/playground/runs/mine"
    until(lambda: "3/20" in httpx.get(mine).text)

    told = httpx.get(mine, params={"from": len("begun\n")}).json()
    odd = httpx.get(mine, params={"from": "-1"}).json()
    other = httpx.get(f"{studio.url}/playground/runs/other")
    studio.open_gate()
    caller.join()

    assert (told["status"], told["ahead"]) == ("processing", 0)
    assert told["logs"] == "painting 3/20\n"
    assert odd["logs"] == "begun\npainting 3/20\n"
    assert other.status_code == httpx.get(mine).status_code == 204
    assert set(said[0].json()["timings"]) >= {"queue", "predict"}


def test_the_bar_moves_with_what_the_model_prints(page: Page, studio: Studio) -> None:
    """`3/20` is 15 of 100, while it runs."""
    page.write("prompt", "gate")
    page.click("#run")

    page.wait(lambda: page.find("#progress").get_property("value") == pytest.approx(0.15))
    assert "painting 3/20" in page.text("#view-logs")
    studio.open_gate()

    page.wait(lambda: page.state() == "succeeded")
    assert not page.find("#progress").is_displayed()
    assert page.text("#view-logs").count("painting 3/20") == 1


def test_the_place_in_the_queue_is_told(page: Page, studio: Studio) -> None:
    """While another caller's prediction has the slot."""
    body = {"prompt": "gate"}
    other = threading.Thread(target=httpx.post, args=(studio.url,), kwargs={"json": body})
    other.start()
    busy = f"{studio.url}/health-check"
    page.wait(lambda: httpx.get(busy).json()["status"] == "BUSY")
    page.write("prompt", "next")
    page.click("#run")

    page.wait(lambda: "1. in the queue" in page.text("#status"))
    studio.open_gate()

    page.wait(lambda: page.state() == "succeeded")
    other.join()
    assert "queue" in page.text("#timings")


def test_a_cancelled_run_is_told_as_json(page: Page, studio: Studio) -> None:
    """With the logs until then."""
    page.write("prompt", "gate")
    page.click("#run")
    page.wait(lambda: "painting 3/20" in page.text("#view-logs"))

    page.click("#cancel")
    studio.open_gate()

    page.wait(lambda: page.state() == "cancelled")
    assert "cancelled" in page.text("#view-json")
    assert "painting 3/20" in page.text("#view-logs")


def test_a_failure_is_told_as_json(page: Page) -> None:
    """The message above, the whole answer in its tab, the setup's logs and versions beside."""
    page.write("prompt", "fall")

    page.run("failed")

    assert "no luck" in page.text("#error")
    assert "no luck" in page.text("#view-json")
    assert "loading the brushes" in page.text("#view-setup")
    assert "python" in page.text("#view-setup")


def test_the_time_of_a_run_is_drawn(page: Page) -> None:
    """Setup, queue, download, predict and upload, and the request that was sent."""
    page.write("prompt", "x")

    page.run()

    timeline = page.text("#timings")
    assert [one for one in ("setup", "queue", "predict", "upload") if one not in timeline] == []
    assert "POST / HTTP/1.1" in page.text("#view-raw")
    assert "x-fal-request-id" in page.text("#view-raw")
    assert "HTTP/1.1 200" in page.text("#view-raw")


def test_pictures_grow_and_go_back_in(page: Page) -> None:
    """A click enlarges one; another button makes it the input that is chosen."""
    page.write("prompt", "x")
    page.run()

    page.click("#view-preview .zoom")
    page.wait(lambda: page.find("dialog .zoomed img").is_displayed())  # once it has come
    page.find("dialog").send_keys(Keys.ESCAPE)
    page.wait(lambda: not page.all("dialog"))
    page.click("#view-preview figcaption button")
    page.click("dialog .choose button")

    page.wait(lambda: page.all("[data-name=image] .chip"))
    assert "/files/" in page.text("[data-name=image] .file-name")
    assert "Download all 2" in page.text("#view-preview")
    page.run()
    assert page.state() == "succeeded"


def test_sound_says_how_long_it_is(page: Page) -> None:
    """In its caption."""
    page.write("prompt", "x")

    page.run()

    page.wait(lambda: "2.0 s" in page.text("figure.audio figcaption"))


def test_a_mask_is_drawn_over_the_picture(page: Page, studio: Studio) -> None:
    """Of the picture's size, white where it was painted and black elsewhere."""
    page.find("[data-name=image] input[type=file]").send_keys(
        str(studio.project / "inputs/square.png")
    )
    page.wait(lambda: page.all("[data-name=image] .chip"))
    page.click("[data-name=mask] .tools button:last-child")
    canvas = page.find("canvas.mask")
    page.wait(lambda: canvas.get_property("width") == 120)

    ActionChains(page.browser).move_to_element(canvas).click_and_hold().move_by_offset(
        20, 0
    ).release().perform()
    page.click("dialog .primary")

    page.wait(lambda: page.all("[data-name=mask] .chip"))
    url = str(page.find("[data-name=mask] .chip a").get_attribute("href"))
    mask = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L")
    assert mask.size == (120, 80)
    assert mask.getpixel((60, 40)) == 255
    assert mask.getpixel((2, 2)) == 0


def test_a_picture_is_taken_with_the_camera(page: Page) -> None:
    """And becomes the input."""
    page.click("[data-name=image] .tools button")
    page.wait(lambda: page.find("dialog .primary").is_enabled())
    page.click("dialog .primary")

    page.wait(lambda: page.all("[data-name=image] .chip"))
    assert "camera.png" in page.text("[data-name=image] .chip")


def test_sound_is_recorded_with_the_microphone(page: Page) -> None:
    """Until it is stopped; then it is the input."""
    page.click("[data-name=audio] .tools button")
    page.click("dialog .primary")

    page.wait(lambda: page.all("[data-name=audio] .chip"))
    assert "recording." in page.text("[data-name=audio] .chip")


def test_descriptions_are_markdown_and_nothing_more(page: Page) -> None:
    """Bold, code and links to the web; HTML is text, and other schemes are no links."""
    help_text = page.find("[data-name=prompt] .help")

    assert page.text("[data-name=prompt] .help strong") == "paint"
    assert page.text("[data-name=prompt] .help code") == "words"
    assert "<img src=x onerror=alert(1)>" in help_text.text
    assert page.all("[data-name=prompt] .help :is(img, a)") == []
    assert page.find("#about a").get_attribute("href") == "https://guide.example/start"
    assert len(page.all("#about li")) == 2


def test_optional_files_stand_with_the_main_inputs(page: Page) -> None:
    """Though nothing demands them."""
    assert page.all("#fields [data-name=image]")
    assert page.all("#fields [data-name=mask]")
    assert page.all("#more-fields [data-name=width]")


def test_it_works_over_plain_http_on_another_host(browser: Chrome, studio: Studio) -> None:
    """Where browsers give a page neither random UUIDs nor a clipboard, camera or microphone."""
    page = Page(browser, studio.url.replace("127.0.0.1", ELSEWHERE))
    assert browser.execute_script("return isSecureContext") is False
    page.write("prompt", "from afar")

    page.run()

    assert page.text("#view-preview .text") == "from afar"
    button = page.find("#link")
    button.click()
    page.wait(lambda: button.text == "Copied")
    assert page.all("[data-name=image] .tools button") == []


def test_a_link_that_is_none_changes_nothing(page: Page, studio: Studio) -> None:
    """Whatever stands after the `#`."""
    page.browser.get(f"{studio.url}/playground#input={quote('[1')}")
    reload(page)

    assert prompt_of(page) == "a red square"


@pytest.mark.parametrize("width", [390, 1320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(page: Page, width: int, scheme: str) -> None:
    """On a phone and on a desk, in light and dark colours."""
    page.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    page.browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    page.write("prompt", "x" * 300)

    page.run()

    wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.browser.execute_script(wide) <= 0
    page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
