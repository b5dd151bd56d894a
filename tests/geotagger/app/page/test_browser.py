"""The page of the app in a browser: choosing, running, writing, by keyboard, with hostile names.

Its server is in another file; here a test states what it answers.
"""

import pytest

from geotagger.review.decisions import Decisions
from geotagger.review.session import ReviewSession
from tests.fixtures.app_page import (
    JOB,
    MODEL,
    ORIGIN,
    PROGRESS,
    SURVEY,
    AppPage,
    folder,
    listing,
)
from tests.fixtures.browser import new_page, sync_api
from tests.fixtures.reviewing import drawn_outcomes
from tests.fixtures.samples import HOSTILE_HTML, write_report

pytestmark = pytest.mark.browser

PICK = "desktop.beginning.picker.ask('Choose')"
HOSTILE = ("<img src=x onerror=hacked=1>", "safe\u202egpj.exe", HOSTILE_HTML.replace("/", "|"))


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    place = tmp_path_factory.mktemp("app")
    report = write_report(place / "rows.csv", drawn_outcomes(place / "photos"))
    with Decisions(report) as decisions:
        session = ReviewSession(report, decisions)
        yield session
        session.close()


@pytest.fixture
def app(browser, session):
    """The page of the app, not yet open; at its end nothing has gone wrong in it."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = new_page(context)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    app = AppPage(page, session)
    yield app
    assert page.evaluate("window.hacked") is None
    assert all(url.startswith((ORIGIN, "data:", "blob:")) for url in app.asked)
    context.close()
    assert [text for text in errors if "status of 4" not in text] == []


def expect(locator):
    return sync_api().expect(locator)


def ready(**more):
    """Chosen folders that were looked through."""
    return {"stage": "ready", "folders": [folder("/home/me/Photos")], "survey": SURVEY, **more}


def at_photos(app, rows=5, **more):
    """The page at the photos of a run that is done."""
    app.state |= ready(stage="done", rows=rows, **more)
    page = app.open()
    page.wait_for_selector(".row", state="attached")  # a narrow window shows the map first
    return page


def sent(app, address):
    return [value for path, value in app.posted if path == address]


def test_the_first_start_explains_itself_in_three_sentences_and_offers_examples(app):
    app.answers["POST /api/example"] = lambda _: app.state | ready(first=False)
    page = app.open()
    text = page.locator("#welcome p").first.inner_text()
    assert text.count(". ") + text.endswith(".") == 3
    expect(page.locator("#start")).to_be_hidden()
    page.get_by_role("button", name="example photos").click()
    page.wait_for_selector("#folders li:has-text('Photos')")
    expect(page.locator("#start")).to_be_enabled()
    expect(page.locator("#welcome")).to_be_hidden()


def test_a_folder_is_chosen_by_keyboard_alone(app):
    app.answers["GET /api/folders"] = lambda query: (
        listing("/home/me/Photos", "2024", parent=folder("/home/me"), photos=3)
        if "Photos" in query
        else listing("/home/me", "Music", "Photos", ".cache")
    )
    app.answers["POST /api/open"] = lambda _: app.state | ready()
    page = app.open()
    page.keyboard.press("o")
    page.wait_for_selector("#picker li:has-text('Photos')")
    page.keyboard.type("pho")
    expect(page.locator("#picker-list li span")).to_have_text(["Photos"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#picker-path:has-text('/home/me/Photos')")
    page.wait_for_selector("#picker-note:has-text('3 photos right here')")
    page.keyboard.press("Backspace")
    page.wait_for_selector("#picker-path:text-is('/home/me')")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#picker-path:has-text('/home/me/Photos')")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#folders li:has-text('Photos')")
    assert sent(app, "/api/open") == [{"folders": [{"id": "id of /home/me/Photos"}]}]


def test_the_picker_shows_nothing_of_the_last_time_until_it_knows_what_is_there(app):
    page = app.open()
    page.keyboard.press("o")
    page.wait_for_selector("#picker li:has-text('Photos')")
    page.keyboard.press("Escape")
    shown = "$('#picker-path').textContent + $('#picker-list').textContent"
    typed = "$('#picker-filter').dispatchEvent(new Event('input'))"
    asked = f"(() => {{ {PICK}; {typed}; return [{shown}, document.activeElement.id]; }})()"
    assert page.evaluate(asked) == ["", "picker-list"]
    page.wait_for_selector("#picker li:has-text('Photos')")


def test_a_path_can_be_typed_and_an_error_stands_next_to_it(app):
    app.answers["POST /api/open"] = {"error": "/nowhere: no such folder", "field": "folders"}
    page = app.open()
    page.locator("#folder").fill("/nowhere")
    page.keyboard.press("Enter")
    page.wait_for_selector("#wrong-folders:has-text('no such folder')")
    assert sent(app, "/api/open") == [{"folders": [{"path": "/nowhere"}]}]


def test_what_is_there_is_counted_and_what_will_be_skipped_has_a_remedy(app):
    page = app.open()
    app.tell("state", **ready())
    skipped = {"why": "damaged", "count": 2, "example": "/p/x.jpg", "remedy": "copy it again"}
    counts = SURVEY | {"photos": 1204, "checked": 800, "running": True, "skipped": [skipped]}
    app.tell("survey", **counts | {"formats": {"JPEG": 1200, "HEIC": 4}})
    for part in ("1,204 photos", "1,200 JPEG, 4 HEIC", "2: damaged", "copy it again", "800 of"):
        expect(page.locator("#survey")).to_contain_text(part)
    expect(page.locator("#survey progress")).to_have_attribute("value", "800")


def test_a_run_takes_what_was_chosen(app):
    other = MODEL | {"name": "other", "default": False}
    app.answers["GET /api/models"] = {"models": [MODEL, other], "measuring": False}
    app.answers["POST /api/command"] = lambda value: {
        "command": f"geotagger tag --model {value['options']['models'][0]}"
    }
    app.answers["POST /api/run"] = lambda _: app.state | ready(stage="running")
    app.answers["GET /api/folders"] = listing("/home/me", files=[folder("/home/me/walk.gpx")])
    page = app.open()
    app.tell("state", **ready())
    page.get_by_role("radio", name="other").check()
    page.locator("#area").fill("France")
    page.wait_for_selector("#countries li:has-text('France')")
    page.locator("#tracks-browse").click()
    page.locator("#picker li").last.dblclick()
    page.wait_for_selector("#tracks li:has-text('walk.gpx')")
    page.get_by_label("names of folders").check()
    page.get_by_label("keywords").uncheck()
    page.wait_for_selector("#command:has-text('--model other')")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#run-stage:text-is('Running')")
    options = sent(app, "/api/run")[0]["options"]
    assert options["models"] == ["other"]
    assert options["area"] == "FR"
    assert options["tracks"] == [{"id": "id of /home/me/walk.gpx"}]
    assert options["use_names"] is True
    assert options["write"]["tags"] == ["gps", "region"]
    assert options["write"]["max_radius_km"] == 50


def test_a_wrong_option_is_named_at_its_field_and_nothing_starts(app):
    app.answers["POST /api/run"] = {"error": "area Atlantis is unknown", "field": "area"}
    page = app.open()
    app.tell("state", **ready())
    page.locator("#start").click()
    page.wait_for_selector("#wrong-area:has-text('Atlantis')")
    expect(page.locator("#beginning")).to_be_visible()


def test_a_model_is_fetched_only_after_its_licence_was_shown(app):
    big = MODEL | {"name": "big", "default": False, "installed": False, "pullable": True}
    big |= {"restricted": True, "licence": "not for sale", "download_bytes": 10**9}
    app.answers["GET /api/models"] = {"models": [MODEL, big], "measuring": False}
    app.answers["POST /api/models/pull"] = {}
    page = app.open()
    app.tell("state", **ready())
    page.get_by_text("1 more model to fetch").click()
    expect(page.get_by_role("radio", name="big")).to_be_disabled()
    page.get_by_role("button", name="Fetch big").click()
    dialog = page.get_by_role("dialog", name="Fetch big?")
    expect(dialog).to_contain_text("not for sale")
    assert sent(app, "/api/models/pull") == []
    dialog.get_by_role("checkbox").check()
    with page.expect_response("**/api/models/pull"):
        dialog.get_by_role("button", name="Fetch").click()
    assert sent(app, "/api/models/pull") == [{"name": "big", "accept_licence": True}]
    app.tell("pull", name="big", running=True, bytes=3 * 10**8, total=10**9, line="", error="")
    page.wait_for_selector(".fetch:has-text('300 MB of 1.0 GB')")
    app.answers["GET /api/models"] = {"models": [MODEL, big | {"installed": True}]}
    app.tell("pull", name="big", running=False, bytes=10**9, total=10**9, line="", error="")
    page.wait_for_selector("#model-1:enabled")


def test_results_arrive_while_the_run_goes(app):
    app.state |= ready(stage="running", rows=2)
    app.state["progress"] = PROGRESS | {"rows": 2, "done": 2}
    page = app.open()
    expect(page.locator(".row")).to_have_count(2)
    page.keyboard.press("j")
    page.wait_for_selector("#details h2:has-text('tower.jpg')")
    app.state["rows"] = 5
    counts = {"by_level": {"city": 2, "region": 1}, "by_status": {"failed": 1}}
    told = PROGRESS | {"done": 5, "total": 9, "rows": 5, "photos_per_s": 2.5, "eta_s": 240}
    app.tell("progress", **told | counts)
    expect(page.locator(".row")).to_have_count(5)
    expect(page.locator("#counts")).to_contain_text("5 photos")
    expect(page.locator("#run-numbers")).to_have_text("5 of 9 · 2.5 photos/s · 4 min left")
    expect(page.locator("#run-bar")).to_have_attribute("value", "5")
    expect(page.locator("#run-levels")).to_contain_text("2 city")
    expect(page.locator("#run-levels")).to_contain_text("1 unsure")
    expect(page.locator("#details h2")).to_have_text("tower.jpg")
    page.get_by_role("button", name="1 failed").click()
    expect(page.locator(".row b")).to_have_text(["broken.jpg"])
    page.wait_for_selector("#details:has-text('broken.jpg')")


def test_new_rows_leave_the_filters_and_the_old_rows_alone(app):
    app.state |= ready(stage="running", rows=2)
    page = app.open()
    expect(page.locator(".row")).to_have_count(2)
    page.evaluate("document.querySelector('.row').mark = 'the same element'")
    page.keyboard.press("f")
    page.get_by_role("checkbox", name="picture").check()
    app.state["rows"] = 5
    app.tell("progress", **PROGRESS | {"rows": 5, "done": 5})
    expect(page.locator(".row")).to_have_count(4)
    expect(page.locator("#filter-sources input").first).to_be_checked()
    assert page.evaluate("document.querySelector('#row-0').mark") == "the same element"


def test_pause_resume_and_stop(app):
    app.state |= ready(stage="running", rows=5, progress=PROGRESS)
    for address, stage in (("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        app.answers[f"POST /api/{address}"] = lambda _, stage=stage: app.state | {"stage": stage}
    page = app.open()
    page.wait_for_selector(".row")
    page.keyboard.press("Space")
    page.wait_for_selector("#run-stage:text-is('Paused')")
    page.get_by_role("button", name="Resume").click()
    page.wait_for_selector("#run-stage:text-is('Running')")
    expect(page.locator("#run-hint")).to_contain_text("geotagger app")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("#run-stage:text-is('Stopped')")
    expect(page.get_by_role("button", name="Go on", exact=True)).to_be_visible()


def test_a_run_that_was_cut_off_goes_on(app):
    app.answers["POST /api/run"] = lambda _: app.state | {"stage": "running", "interrupted": False}
    page = at_photos(app, rows=3, interrupted=True)
    page.wait_for_selector("#run-stage:text-is('Cut off')")
    page.get_by_role("button", name="Go on", exact=True).click()
    page.wait_for_selector("#run-stage:text-is('Running')")
    assert sent(app, "/api/run")[0]["options"]["models"] == ["starter"]


def at_photos_with_one_approved(app):
    page = at_photos(app)
    page.keyboard.press("j")
    page.wait_for_selector("#details h2")
    page.keyboard.press("a")
    page.wait_for_selector("#progress:has-text('1 of 5 decided')")
    return page


def test_nothing_is_written_before_the_dry_run_was_read(app):
    plan = {"photos": 1, "approved": 1, "corrected": 0, "written": 0}
    app.answers["GET /api/plan"] = plan
    app.answers["POST /api/dry-run"] = {"running": True, "number": 1}
    app.answers["POST /api/write"] = {"running": True, "number": 2}
    app.answers["GET /api/write"] = JOB
    page = at_photos_with_one_approved(app)
    page.keyboard.press("w")
    page.get_by_role("dialog", name="Write into 1 photo?").wait_for()
    page.get_by_label("keywords").last.uncheck()
    page.get_by_role("button", name="Dry run").click()
    page.get_by_role("dialog", name="Trying without writing").wait_for()
    app.tell("write", **JOB)
    dialog = page.get_by_role("dialog", name="What would be written")
    dialog.wait_for()
    expect(dialog).to_contain_text("tower.jpg")
    expect(dialog).to_contain_text("1 would be written")
    assert sent(app, "/api/write") == []
    written = JOB | {"kind": "write", "number": 2}
    app.answers["GET /api/write"] = written | {"rows": [[0, 1, True, 1.0, 2.0, 3.0]]}
    app.answers["GET /api/write"] |= {"undoable": True}
    dialog.get_by_role("button", name="Write into the photos: 1 photo").click()
    page.get_by_role("dialog", name="Writing").wait_for()
    app.tell("write", **written)
    page.get_by_role("dialog", name="Written").wait_for()
    assert sent(app, "/api/write")[0]["photos"] == 1
    assert sent(app, "/api/write")[0]["write"]["tags"] == ["gps", "region"]
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo writing").wait_for()


def test_a_job_ends_with_its_own_event_and_not_with_that_of_the_same_one_before(app):
    app.answers["GET /api/plan"] = {"photos": 1, "approved": 1, "corrected": 0, "written": 0}
    app.answers["GET /api/write"] = JOB
    page = at_photos_with_one_approved(app)
    trying = page.get_by_role("dialog", name="Trying without writing")
    would_write = page.get_by_role("dialog", name="What would be written")
    for number in (1, 2):
        app.answers["POST /api/dry-run"] = {"running": True, "number": number}
        page.keyboard.press("w")
        page.get_by_role("button", name="Dry run").click()
        trying.wait_for()
        for name, done in ((number - 1, True), (number, False)):  # the later one is shown
            app.tell("write", **JOB | {"number": name, "running": not done, "photos": 7, "done": 3})
        expect(trying).to_contain_text("3 of 7")
        app.tell("write", **JOB | {"number": number})
        would_write.get_by_role("button", name="Cancel").click()
        expect(would_write).to_be_hidden()


def test_the_end_of_a_job_may_come_before_the_answer_that_names_it(app):
    app.answers["GET /api/plan"] = {"photos": 1, "approved": 1, "corrected": 0, "written": 0}
    app.answers["GET /api/write"] = JOB
    app.answers["POST /api/dry-run"] = lambda _: app.tell("write", **JOB) or JOB
    page = at_photos(app)
    page.evaluate("() => void app.review.write()")
    page.get_by_role("button", name="Dry run").click()
    page.get_by_role("dialog", name="What would be written").wait_for()


def ask_twice(page, ask, close):
    """Asks again right after the close; returns when the event of that close has come."""
    event = "new Promise((done) => addEventListener('close', done, { capture: true, once: true }))"
    again = f"{ask}; {close}; window.answer = {ask}"
    page.evaluate(f"async () => {{ const event = {event}; {again}; await event; }}")


def test_the_close_event_of_an_earlier_question_is_no_answer(app):
    page = app.open()
    ask_twice(page, "confirmDialog('Sure?', [], 'Yes')", "$('#ask').close()")
    page.get_by_role("button", name="Yes").click()
    assert page.evaluate("answer") is True
    ask_twice(page, PICK, "desktop.beginning.picker.take(null)")
    page.wait_for_selector("#picker li:has-text('Photos')")
    page.keyboard.press("Control+Enter")
    assert page.evaluate("answer")["path"] == "/home/me"


def test_a_question_in_the_place_of_another_cancels_it(app):
    page = app.open()
    page.evaluate("window.answers = ['One?', 'Two?'].map((ask) => confirmDialog(ask, [], 'Yes'))")
    page.get_by_role("dialog", name="Two?").get_by_role("button", name="Yes").click()
    assert page.evaluate("Promise.all(answers)") == [False, True]


def test_hostile_names_are_shown_and_do_nothing(app):
    names = [folder(f"/home/{name}") for name in HOSTILE]
    for each, name in zip(names, HOSTILE, strict=True):
        each["name"] = name
    app.answers["GET /api/folders"] = listing("/home", places=names, error=HOSTILE[0]) | {
        "folders": names,
        "folder": names[0],
        "parent": names[1],
    }
    text = HOSTILE_HTML + "\u202e"
    app.answers["GET /api/models"] = {"models": [MODEL | {"note": text, "speed": text}]}
    app.answers["POST /api/command"] = {"command": text}
    page = app.open()
    skipped = {"why": text, "count": 1, "example": text, "remedy": text}
    survey = SURVEY | {"formats": {text: 1}, "other_files": {text: 1}, "skipped": [skipped]}
    recent = [{"folders": names, "stage": "new", "rows": 0, "missing": False}]
    app.tell("state", **ready() | {"folders": names, "survey": survey, "recent": recent})
    page.wait_for_selector("#command:has-text('window.hacked')")
    page.locator("body").press("o")
    page.wait_for_selector("#picker li")
    assert "\u202e" not in page.locator("body").inner_text()
    assert page.locator("#beginning img, #picker img").count() == 0
    page.keyboard.press("Escape")
    app.tell("state", stage="failed", error=text, rows=5, command=text, come_back=text)
    page.locator("#to-photos").click()
    page.wait_for_selector("#run-error:has-text('window.hacked')")
    page.get_by_role("button", name="Command").click()
    page.wait_for_selector("#ask code")
    assert "\u202e" not in page.locator("body").inner_text()


def test_a_lost_server_is_told_with_the_way_back(app):
    page = at_photos(app)
    page.evaluate("events.dispatchEvent(new Event('error'))")
    page.wait_for_selector("#lost:has-text('geotagger app')")
    page.evaluate("events.dispatchEvent(new Event('open'))")
    page.wait_for_selector("#lost", state="hidden")


def test_everything_has_a_name_and_the_keys_are_explained(app):
    page = at_photos(app)
    page.keyboard.press("?")
    help_text = page.get_by_role("dialog", name="How to use this page").inner_text()
    for part in ("pause, resume", "approve", "large picture", "day"):
        assert part in help_text
    page.keyboard.press("Escape")
    page.keyboard.press("o")
    page.wait_for_selector("#beginning:visible")
    for _ in range(2):
        nameless = page.evaluate(
            """[...document.querySelectorAll('button, input, select, canvas, progress, code')]
              .filter((e) => e.checkVisibility() && !e.getAttribute('aria-label') && !e.title
                && !e.labels?.length && !e.textContent.trim()).map((e) => e.outerHTML)"""
        )
        assert nameless == []
        page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [360, 820])
def test_a_narrow_window_needs_no_sideways_scrolling(app, width):
    app.page.set_viewport_size({"width": width, "height": 700})
    page = at_photos(app)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#run-folders").click()
    page.wait_for_selector("#beginning:visible")
    inside = page.locator("#beginning .column")
    assert inside.evaluate("(e) => e.scrollWidth <= e.clientWidth")
