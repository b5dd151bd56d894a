"""The HTML report in a browser: everything works offline, by keyboard, and says what it shows."""

from dataclasses import replace

import pytest

from geotagger.reasons import Reason, ReasonCode
from geotagger.types import Outcome, Photo, Status
from tests.fixtures.browser import (
    new_page,
    sync_api,
    wait_for_failing_image,
    wait_for_frames,
    wait_for_map,
)
from tests.fixtures.reviewing import drawn_outcomes, hostile_names
from tests.fixtures.samples import HOSTILE_HTML, write_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    rows = drawn_outcomes(folder / "photos")
    rows += [
        Outcome(
            Photo(folder / name, folder),
            Status.UNSURE,
            reasons=(Reason(ReasonCode.UNREADABLE_FILE, HOSTILE_HTML),),
        )
        for name in hostile_names()
    ]
    rows.append(replace(rows[0], photo=Photo(folder / HOSTILE_HTML.replace("/", "|"), folder)))
    return write_report(folder / "report.html", rows)


@pytest.fixture
def opened(browser, report):
    """The page, with everything that it asked for and complained of."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = new_page(context)
    page.requests, page.errors = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text))
    page.goto(report.as_uri())
    page.wait_for_selector("body[data-ready]")
    yield page
    context.close()


def expect(locator):
    return sync_api().expect(locator)


def shows(page, *names):
    """The list holds just these photos."""
    expect(page.locator(".row b")).to_have_text(list(names))


def test_an_escape_in_a_name_is_no_folder(opened):
    names = {
        "a/new\\nline.jpg": "new\\nline.jpg",
        "C:\\Photos\\a.jpg": "a.jpg",
        "caf\\xe9.jpg": "caf\\xe9.jpg",
    }
    assert opened.evaluate("paths => paths.map(fileName)", list(names)) == list(names.values())


def test_a_hundred_per_cent_stays_on_one_line_in_the_list(opened):
    cell = opened.locator(".row .sure").first
    width, room, height = cell.evaluate(
        "cell => { cell.textContent = '100 %';"
        " return [cell.scrollWidth, cell.clientWidth, cell.getBoundingClientRect().height]; }"
    )
    assert width <= room
    assert height < 30


def test_nothing_is_loaded_from_the_network(opened, report):
    page = opened
    for key in ("j", "j", "0", "+", "-", "c", "?", "Escape", "f", "Escape"):
        page.keyboard.press(key)
    page.mouse.move(700, 400)
    zoom = page.evaluate("app.view.zoom")
    page.mouse.wheel(0, -600)
    page.wait_for_function("(zoom) => app.view.zoom > zoom", arg=zoom)
    wait_for_frames(page)
    wait_for_failing_image(page)
    asked = [url for url in page.requests if not url.startswith(("data:", "blob:"))]
    assert asked == [report.as_uri()]
    assert page.errors == []


SHOWS_PHOTO = """async (id) => {
  const { path } = await app.store.row(id);
  return app.chosen === id && $("#details h2")?.textContent === fileName(path);
}"""


def test_hostile_texts_do_nothing(opened):
    page = opened
    rows = 5 + len(hostile_names()) + 1
    expect(page.locator(".row")).to_have_count(rows)
    for row in range(rows):
        page.keyboard.press("j")
        page.wait_for_function(SHOWS_PHOTO, arg=row)
    wait_for_failing_image(page)
    assert page.evaluate("window.hacked") is None
    assert page.locator("#list b img, #details h2 img, #details dd img").count() == 0
    assert "\u202e" not in page.locator("body").inner_text()
    assert page.errors == []


def test_the_network_is_shut_by_the_page_itself(opened):
    assert (
        opened.evaluate("fetch('https://example.org/').then(() => 'open', () => 'shut')") == "shut"
    )
    script = (
        "(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
    )
    opened.evaluate(f"{script} document.body.append(s); }})()")
    assert opened.evaluate("window.ran") is None


def test_online_tiles_are_loaded_only_when_switched_on(browser, report):
    context = browser.new_context(offline=True, viewport={"width": 1000, "height": 700})
    page = new_page(context)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_selector("body[data-ready]")
    expect(page.get_by_role("switch", name="Online map")).not_to_be_checked()
    wait_for_map(page)
    wait_for_frames(page)
    assert not [url for url in asked if url.startswith("http")]
    with page.expect_request(lambda request: request.url.startswith("https:")):
        page.get_by_role("switch", name="Online map").check()
    page.wait_for_selector("#credit:has-text('OpenStreetMap')")
    page.wait_for_function("app.view.tiles.failed")  # all were asked for in the same frame
    wait_for_frames(page)
    online = {url.split("/")[2] for url in asked if url.startswith("http")}
    assert online == {"tile.openstreetmap.org"}
    context.close()


def test_filters_sort_and_search(opened):
    page = opened
    page.keyboard.press("f")
    page.select_option("#filter-country", label="Kenya (1)")
    shows(page, "gate.jpg")
    page.select_option("#filter-country", index=0)
    page.fill("#filter-low", "60")
    expect(page.locator(".row")).to_have_count(3)
    page.fill("#filter-low", "0")
    page.fill("#filter-from", "2020-01-01")
    shows(page, "gate.jpg")
    page.fill("#filter-from", "")
    page.get_by_label("failed").check()
    shows(page, "broken.jpg")
    page.click("#filters-clear")
    page.get_by_label("clock").check()
    expect(page.locator(".row")).to_have_count(5)
    page.click("#filters-clear")
    page.fill("#search", "nairobi")
    shows(page, "gate.jpg")
    page.fill("#search", "")
    expect(page.locator(".row")).to_have_count(6 + len(hostile_names()))
    page.click("[data-sort=confidence]")
    expect(page.locator("[data-sort=confidence]")).to_have_attribute("aria-pressed", "true")
    unknown = [""] * (1 + len(hostile_names()))
    sure = ["91 %", "91 %", "72 %", "55 %", "12 %", *unknown]
    expect(page.locator(".row .sure")).to_have_text(sure)


def test_the_chosen_photo_tells_all_that_is_known(opened):
    page = opened
    page.locator("#list").focus()
    page.keyboard.press("Home")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    page.wait_for_selector("#details h2:has-text('gate.jpg')")
    text = page.locator("#details").inner_text()
    for part in (
        "Nairobi County, Kenya",
        "within 45 km",
        "55 %",
        "picture looks like Kenya 61 %",
        "clock +02:00",
        "Pisa, Tuscany, Italy",
        "2021-01-02",
        "1.3000° S, 36.9000° E",
        "inside the circle",
    ):
        assert part in text
    page.wait_for_function("$('#details figure img')?.naturalWidth > 50")
    expect(page.locator("#list")).to_have_attribute("aria-activedescendant", "row-2")
    page.keyboard.press("Escape")
    expect(page.locator("#details h2")).to_have_count(0)


IN_SIGHT = """() => {
  const { view, columns, chosen } = app;
  const located = !Number.isNaN(columns.x[chosen]);
  const left = located ? view.at(columns.x[chosen], columns.y[chosen])[0] : 0;
  const room = document.querySelector("#map").parentElement.clientWidth;
  return view.width === room && 0 <= left && left <= view.width;
}"""


def test_the_chosen_photo_is_in_sight_beside_its_details(opened):
    page = opened
    page.locator("#list").focus()
    for row, key in enumerate(("Home", "ArrowDown", "ArrowDown")):
        page.keyboard.press(key)
        page.wait_for_selector(f"#list[aria-activedescendant='row-{row}']")
        page.wait_for_selector("#details h2")
        page.wait_for_function(IN_SIGHT)


def test_a_mark_on_the_map_chooses_by_pointer_and_by_keys(opened):
    page = opened
    spot = "view.at(view.columns.x[2], view.columns.y[2])"
    wait_for_map(page)
    box = page.locator("#map").bounding_box()
    x, y = page.evaluate(f"(() => {{ const view = app.view; return {spot}; }})()")
    page.mouse.click(box["x"] + x, box["y"] + y)
    page.wait_for_selector("#details h2:has-text('gate.jpg')")
    page.keyboard.press("Escape")
    page.evaluate("app.view.look(app.view.columns.x[2], app.view.columns.y[2], 5)")
    page.locator("#map").focus()
    wait_for_map(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("#details h2:has-text('gate.jpg')")


def test_photos_at_one_spot_are_listed_together(opened):
    page = opened
    page.evaluate("app.view.look(app.view.columns.x[0], app.view.columns.y[0], 11)")
    page.locator("#map").focus()
    wait_for_map(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("#chosen-here:has-text('3 photos at one spot')")
    expect(page.locator(".row")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(page.locator(".row")).to_have_count(6 + len(hostile_names()))


def test_help_opens_by_its_key_and_names_the_keys(opened):
    opened.keyboard.press("?")
    dialog = opened.get_by_role("dialog", name="How to use this page")
    expect(dialog).to_contain_text("search")
    opened.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_everything_has_a_name_and_can_be_reached(opened):
    page = opened
    page.keyboard.press("f")
    page.keyboard.press("Escape")
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, input, select, canvas, [role=grid]')].filter(
          (e) => e.checkVisibility() && !e.getAttribute('aria-label') && !e.title &&
                 !e.labels?.length && !e.textContent.trim()).map((e) => e.outerHTML)"""
    )
    assert nameless == []
    page.locator("body").click(position={"x": 5, "y": 5})
    seen = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.dataset.sort"))
    assert {"search", "filters-open", "list", "map", "zoom-in", "tiles", "help-open"} <= seen


def test_a_narrow_window_shows_one_part_at_a_time(browser, report):
    context = browser.new_context(viewport={"width": 375, "height": 700}, has_touch=True)
    page = new_page(context)
    page.goto(report.as_uri())
    page.wait_for_selector("body[data-ready]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    expect(page.locator("#map")).to_be_visible()
    page.get_by_role("button", name="Photos", exact=True).click()
    expect(page.locator(".row").first).to_be_visible()
    page.locator(".row").first.click()
    page.get_by_role("button", name="Chosen photo").click()
    page.wait_for_selector("#details h2:has-text('tower.jpg')")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    context.close()
