"""The document of the app's page."""

import re
from base64 import b64encode
from hashlib import sha256

from geotagger.app.page.render import app_page, policy


def test_the_policy_allows_the_page_itself_and_nothing_from_elsewhere():
    html = app_page({"version": "0.1.0", "block": 100})
    scripts = re.findall(r"<script>(.*?)</script>", html, re.S)
    styles = re.findall(r"<style>(.*?)</style>", html, re.S)
    assert len(scripts) == len(styles) == 1
    for text in (*scripts, *styles):
        assert f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}" in policy()
    assert "default-src 'none'" in policy()
    assert "connect-src 'self'" in policy()
    assert "unsafe" not in policy()
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", html)


def test_every_place_in_the_document_is_filled():
    html = app_page({"version": "{{script}}", "block": 100})
    document = html.partition("<script")[0]
    assert "{{" not in document
    assert '"version":"{{script}}"' in html
    assert document.count('id="beginning"') == document.count('id="run"') == 1


def test_an_id_names_one_element():
    document = app_page({"version": "0.1.0", "block": 100}).partition("<script")[0]
    ids = re.findall(r'\bid="([^"]+)"', document)
    assert len(ids) == len(set(ids))
