"""The review in a browser, from load to tags that ExifTool reads back."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from geotagger.review.decisions import Decisions, journal_path
from tests.fixtures.browser import new_page, sync_api, wait_for_frames, wait_for_map
from tests.fixtures.reviewing import drawn_outcomes
from tests.fixtures.samples import write_report

pytestmark = pytest.mark.browser


@pytest.fixture
def folder(tmp_path):
    write_report(tmp_path / "r.csv", drawn_outcomes(tmp_path / "photos"))
    return tmp_path


@pytest.fixture
def start(folder):
    """Starts `geotagger review`; the process, and the address that opens it."""
    running = []

    def started():
        command = [sys.executable, "-m", "geotagger", "review", "--no-browser", "r.csv"]
        process = subprocess.Popen(
            command, cwd=folder, stderr=subprocess.PIPE, text=True, env=os.environ
        )
        running.append(process)
        return process, process.stderr.readline().split()[1]

    yield started
    for process in running:
        process.kill()
        process.communicate()


def opened(browser, address):
    page = new_page(browser, viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page.asked, page.errors = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    return page


def expect(locator):
    return sync_api().expect(locator)


def chosen(page, name):
    page.wait_for_selector(f"#details h2:text-is('{name}')")


def decided(page, number):
    page.wait_for_selector(f"#progress:has-text('{number} of 5 decided')")


def test_from_load_to_exif(browser, start, folder):
    before = {path: path.read_bytes() for path in (folder / "photos").rglob("*.jpg")}
    _, address = start()
    page = opened(browser, address)
    assert "token" not in page.url
    page.keyboard.press("j")
    chosen(page, "tower.jpg")
    page.keyboard.press("a")
    chosen(page, "tower2.jpg")
    page.keyboard.press("r")
    chosen(page, "gate.jpg")
    page.keyboard.press("n")
    chosen(page, "island.jpg")
    page.keyboard.press("p")
    page.keyboard.type("berlin")
    page.wait_for_selector(".found li:first-child button:has-text('Berlin')")
    page.keyboard.press("Enter")
    page.wait_for_selector(".proposal:has-text('Berlin')")
    page.locator("#map").focus()
    page.keyboard.press("a")
    decided(page, 3)
    page.keyboard.press("w")
    dialog = page.get_by_role("dialog", name="Write into 2 photos?")
    expect(dialog).to_contain_text("1 prediction approved, 1 place corrected")
    assert all(path.read_bytes() == data for path, data in before.items())
    dialog.get_by_role("button", name="Write 2 photos").click()
    page.wait_for_selector("#ask-title:text-is('Written')")
    expect(page.locator("#ask-text")).to_contain_text("2 tagged")
    assert page.errors == []
    own = address.partition("/?")[0]
    assert all(url.startswith((own, "data:", "blob:")) for url in page.asked)
    changed = {path.name for path, data in before.items() if path.read_bytes() != data}
    assert changed == {"tower.jpg", "island.jpg"}
    page.close()
    if shutil.which("exiftool"):
        command = ["exiftool", "-json", "-n", str(folder / "photos" / "b" / "island.jpg")]
        tags = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[0]
        assert tags["GPSLatitude"] == pytest.approx(52.5244, abs=0.01)
        assert "CORRECTED by a person" in tags["GPSAreaInformation"]
        assert tags["GPSStatus"] == "V"


def test_decisions_survive_kill_9_and_can_be_undone(browser, start):
    process, address = start()
    page = opened(browser, address)
    page.keyboard.press("j")
    chosen(page, "tower.jpg")
    page.keyboard.press("a")
    chosen(page, "tower2.jpg")
    page.keyboard.press("t")
    page.keyboard.type("looks like the other one")
    page.keyboard.press("Tab")
    page.wait_for_selector("#message:has-text('Note saved')")
    process.send_signal(signal.SIGKILL)
    process.wait()
    page.close()
    _, address = start()
    page = opened(browser, address)
    decided(page, 1)
    page.keyboard.press("j")
    page.keyboard.press("j")
    chosen(page, "tower2.jpg")
    expect(page.locator("#note")).to_have_value("looks like the other one")
    page.keyboard.press("Escape")
    for _ in range(2):
        with page.expect_response("**/api/undo"):
            page.get_by_role("button", name="Undo").click()
    decided(page, 0)
    page.close()


def test_the_pin_is_dragged_or_moved_by_keys(browser, start, folder):
    _, address = start()
    page = opened(browser, address)
    for _ in range(3):
        page.keyboard.press("j")
    chosen(page, "gate.jpg")
    page.evaluate("app.view.look(app.view.columns.x[2], app.view.columns.y[2], 8)")
    wait_for_map(page)
    box = page.locator("#map").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y - 20)
    page.mouse.down()
    page.mouse.move(x + 60, y - 60, steps=5)
    page.mouse.up()
    page.wait_for_selector(".proposal:has-text('Kenya')")
    page.keyboard.press("Escape")
    expect(page.locator(".proposal")).to_have_count(0)
    page.keyboard.press("m")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_selector(".proposal:has-text('Kenya')")
    page.keyboard.press("a")
    decided(page, 1)
    page.close()
    line = json.loads(journal_path(folder / "r.csv").read_text().splitlines()[-1])
    moved = line["changes"][0]
    assert moved["state"] == "corrected"
    assert moved["lat"] > -1.2833
    assert moved["lon"] < 36.8167


def test_a_cluster_is_approved_at_once(browser, start, folder):
    process, address = start()
    page = opened(browser, address)
    page.evaluate("app.view.look(app.view.columns.x[0], app.view.columns.y[0], 11)")
    page.locator("#map").focus()
    wait_for_map(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("#batch:has-text('All 2 here')")
    page.keyboard.press("Shift+A")
    page.get_by_role("dialog", name="Approve 2 photos?").get_by_role(
        "button", name="Approve"
    ).click()
    decided(page, 2)
    page.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(180) == 0
    with Decisions(folder / "r.csv") as decisions:
        assert sorted(decision.state for _, decision in decisions) == ["approved", "approved"]


def test_an_answer_to_what_was_typed_before_is_not_shown(browser, start):
    _, address = start()
    page = opened(browser, address)
    page.keyboard.press("j")
    chosen(page, "tower.jpg")
    page.route("**/api/places?q=b", lambda route: held.append(route))
    held = []
    with page.expect_request("**/api/places?q=b"):
        page.fill("#place", "b")
    page.fill("#place", "berlin")
    page.wait_for_selector(".found li:first-child button:has-text('Berlin')")
    with page.expect_response("**/api/places?q=b"):
        held.pop().fulfill(json={"places": [{"name": "Bonn", "lat": 50.7, "lon": 7.1}]})
    wait_for_frames(page)
    expect(page.locator(".found li").first).to_contain_text("Berlin")
    page.close()


def test_an_alternative_is_taken_by_its_number(browser, start):
    _, address = start()
    page = opened(browser, address)
    page.keyboard.press("j")
    chosen(page, "tower.jpg")
    page.wait_for_function("app.view.alternatives.length > 1")
    page.keyboard.press("2")
    page.wait_for_selector(".proposal:has-text('Berlin')")
    page.keyboard.press("a")
    decided(page, 1)
    chosen(page, "tower2.jpg")
    page.close()
