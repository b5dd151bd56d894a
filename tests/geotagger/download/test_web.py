"""Files by ranges: redirects, tokens, hashes, and servers that misbehave."""

import io
import random
from email.message import Message
from typing import ClassVar

import pytest

from geotagger.download import web
from geotagger.download.hub import open_repository
from geotagger.download.origin import FileChangedError, FileMissingError, LocalFolder
from geotagger.download.web import WebFolder
from geotagger.errors import DownloadError, UsageError
from tests.fixtures.hub_server import COMMIT

SIZE = 300_000
DATA = random.Random(0).randbytes(SIZE)


@pytest.fixture
def origin(hub):
    hub.files |= {"a/b/config.json": b'{"a": 1}', "a/b/large.bin": DATA}
    return open_repository("a/b", "main", ["config.json"])[0]


def read(origin, start=0, stop=SIZE, version=None):
    return b"".join(origin.read("large.bin", start, stop, version))


def test_a_part_is_fetched_from_the_commit_of_the_branch(origin, hub):
    assert read(origin, 1000, 2000) == DATA[1000:2000]
    assert hub.sent_bytes <= 1 + 1000
    assert origin.name == f"a/b@{COMMIT}"
    paths = [path for server, path, _ in hub.requests if server == "hub"]
    assert paths == ["/a/b/resolve/main/config.json", f"/a/b/resolve/{COMMIT}/large.bin"]


def test_what_the_hub_states_before_it_redirects_is_kept(origin):
    version = origin.version("large.bin")
    assert version.size_bytes == len(DATA)
    assert version.commit == COMMIT
    assert len(version.digest) == 64


def test_the_token_goes_to_the_hub_alone(hub, monkeypatch):
    """Also when the hub redirects to itself, as for a repository that was renamed."""
    hub.files |= {"a/b/config.json": b"{}", "a/b/large.bin": DATA}
    hub.token, hub.renamed = "secret", {"old/name": "a/b"}
    with pytest.raises(DownloadError, match="HF_TOKEN"):
        open_repository("old/name", "main", ["config.json"])
    monkeypatch.setenv("HF_TOKEN", "secret")
    origin, _ = open_repository("old/name", "main", ["config.json"])
    assert read(origin, 0, 100) == DATA[:100]
    sent = {(server, headers.get("Authorization")) for server, _, headers in hub.requests[1:]}
    assert sent == {("hub", "Bearer secret"), ("store", None)}


def test_broken_connections_go_on_where_they_broke(origin, hub):
    hub.break_after = 40_000
    assert read(origin) == DATA
    assert hub.sent_bytes == len(DATA) + 1
    assert len([1 for server, *_ in hub.requests if server == "store"]) == 8


def test_errors_that_pass_are_tried_again(origin, hub):
    hub.errors = [503, 429, 500]
    assert read(origin) == DATA


def test_a_server_that_sends_nothing_is_given_up(origin, hub):
    hub.errors = [503] * 100
    with pytest.raises(DownloadError, match=r"HTTP 503 .* try again later"):
        read(origin)
    assert len(hub.errors) == 100 - web.TRIES


def test_without_a_network_the_message_says_so(monkeypatch):
    monkeypatch.setattr(web, "TRIES", 1)
    with pytest.raises(DownloadError, match=r"no connection \(.*refused\); try again later"):
        WebFolder("http://127.0.0.1:9").version("config.json")


def test_a_server_that_stalls_is_given_up(origin, hub, monkeypatch):
    monkeypatch.setattr(web, "TIMEOUT_S", 0.2)
    monkeypatch.setattr(web, "TRIES", 2)
    hub.stalls = True
    with pytest.raises(DownloadError, match="timed out"):
        read(origin)


def test_a_slow_server_is_waited_for(origin, hub):
    hub.pause_s, hub.piece_bytes = 0.01, 50_000
    assert read(origin) == DATA


@pytest.mark.parametrize("code", [404, 410, 403])
def test_errors_that_stay_are_not_tried_again(origin, hub, code):
    hub.errors = [code] * 3
    with pytest.raises(DownloadError, match=rf"large\.bin: HTTP {code}"):
        read(origin)
    assert len(hub.errors) == 2


def test_a_missing_file_and_a_missing_revision(origin):
    with pytest.raises(FileMissingError, match=r"nothing\.bin: HTTP 404"):
        origin.version("nothing.bin")
    with pytest.raises(FileMissingError, match="--revision"):
        open_repository("a/b", "v9", ["config.json"])


def test_a_file_that_changes_is_noticed(origin, hub):
    version = origin.version("large.bin")
    hub.files["a/b/large.bin"] = DATA[::-1]
    with pytest.raises(FileChangedError, match="changed during the download"):
        read(origin, 10, 20, version)


def test_a_file_that_changes_while_the_connection_breaks_is_noticed(origin, hub):
    version = origin.version("large.bin")
    hub.break_after, hub.breaks = 40_000, 1
    pieces = origin.read("large.bin", 0, len(DATA), version)
    next(pieces)
    hub.files["a/b/large.bin"] = DATA[::-1]
    with pytest.raises(FileChangedError):
        list(pieces)


def test_a_server_without_ranges(origin, hub):
    hub.has_ranges = False
    assert read(origin, 0, 100) == DATA[:100]
    with pytest.raises(DownloadError, match=r"no parts of files.*--from"):
        read(origin, 100, 200)


@pytest.mark.parametrize("size", [10, 5000])
def test_small_files_must_have_the_hash_that_the_hub_states(hub, size):
    hub.files["a/b/config.json"] = DATA[:size]
    origin, _ = open_repository("a/b", "main", ["config.json"])
    assert origin.read_whole("config.json") == DATA[:size]
    hub.stated_digest = "0" * 64
    with pytest.raises(DownloadError, match="its hash is not the one that the hub states"):
        origin.read_whole("config.json")


def test_small_files_end_somewhere(origin, monkeypatch):
    monkeypatch.setattr(web, "MAX_SMALL_FILE_BYTES", 1000)
    with pytest.raises(DownloadError, match="larger than such a file can be"):
        origin.read_whole("large.bin")


@pytest.mark.parametrize("length", ["many", "-1", "1" * 5000, "²", ""])
def test_a_length_that_is_no_number_counts_as_none(length, monkeypatch):
    class Answer(io.BytesIO):
        status = 200
        headers = Message()
        stated: ClassVar[dict[str, str]] = {}

    Answer.headers["Content-Length"] = length
    origin = WebFolder("http://127.0.0.1:1")
    monkeypatch.setattr(origin._opener, "open", lambda *_, **__: Answer(b"abc"))
    assert origin.version("f").size_bytes == 0


def test_a_mirror_that_states_no_commit(hub):
    hub.states_commit = False
    hub.files["a/b/config.json"] = b"{}"
    origin, commit = open_repository("a/b", "main", ["config.json"])
    assert commit == "main"
    assert origin.version("config.json").digest == ""


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x/"])
def test_redirects_lead_only_to_the_web(origin, hub, address):
    hub.downgrade = address
    with pytest.raises(DownloadError):
        read(origin)


def test_a_redirect_never_leaves_encryption():
    from urllib.request import Request

    redirects = web._Redirects(("https", "hub.example", None), "secret")
    request = Request("https://hub.example/x")
    with pytest.raises(DownloadError, match="unencrypted"):
        redirects.redirect_request(request, None, 302, "", {}, "http://store.example/x")


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_offline_means_that_nothing_is_asked(hub, monkeypatch, value):
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE forbids downloads"):
        open_repository("a/b", "main", ["config.json"])
    assert not hub.requests


def test_a_proxy_is_used(hub, monkeypatch):
    """A proxy gets the whole address; here the hub itself plays it."""
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("http_proxy", hub.endpoint)
    with pytest.raises(FileMissingError):
        WebFolder("http://elsewhere.invalid/files").version("config.json")
    assert hub.requests[0][1] == "http://elsewhere.invalid/files/config.json"


@pytest.mark.parametrize("address", ["", "x", "file:///etc", "https://", "http://[bad"])
def test_what_is_no_address(address):
    with pytest.raises(DownloadError, match="not an address"):
        WebFolder(address)


def test_a_folder_is_read_in_the_same_way(tmp_path):
    (tmp_path / "large.bin").write_bytes(DATA)
    origin = LocalFolder(tmp_path)
    assert read(origin, 5, 2_000) == DATA[5:2000]
    assert origin.read_whole("large.bin") == DATA
    with pytest.raises(FileMissingError, match=r"config\.json: is missing"):
        origin.version("config.json")
    with pytest.raises(DownloadError, match="ends too early"):
        read(origin, 0, len(DATA) + 1)
    with pytest.raises(UsageError, match="no such folder"):
        LocalFolder(tmp_path / "none")
