"""Files on a web server, read by ranges: redirects, tokens, proxies and lost connections.

The hub answers with a redirect to the server that holds the bytes, and states on the way which
commit the file belongs to and which hash it has. RFC 9110 describes ranges and their conditions.
Proxies come from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from geotagger.download.origin import (
    CHUNK_BYTES,
    MAX_SMALL_FILE_BYTES,
    FileChangedError,
    FileMissingError,
    FileVersion,
)
from geotagger.errors import DownloadError
from geotagger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

log = logging.getLogger(__name__)

TIMEOUT_S = 30.0
"""For the connection, and for every read from it."""
TRIES = 5
"""In a row without a new byte."""
FIRST_PAUSE_S = 1.0
"""Before the second try; it doubles."""
MAX_PAUSE_S = 60.0

_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})
_REMEDIES = {
    401: "its licence must be accepted on its page, and a token be given in HF_TOKEN",
    403: "its licence must be accepted on its page, and a token be given in HF_TOKEN",
    404: "there is no such file; check the name, and --revision",
    416: "it is empty",
}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_HUB_HEADERS = ("X-Repo-Commit", "X-Linked-Etag")
_NO_REDIRECT = "redirected to {}, which would send the request unencrypted"


class WebFolder:
    """An `FileOrigin` on a web server."""

    def __init__(self, address: str, name: str = "", token: str = "") -> None:
        """
        Args:
            address: the files are below it.
            name: for messages; empty for the address.
            token: is sent to this server, and to no other that it redirects to.

        Raises:
            DownloadError: it is no address of the web.
        """
        if _server(address)[0] not in ("http", "https") or not _server(address)[1]:
            raise DownloadError(f"{address}: not an address that begins with https:// or http://")
        self.name = name or address
        self._address = address.rstrip("/")
        self._token = token
        self._opener = build_opener(_Redirects(_server(address), token))

    def version(self, file: str) -> FileVersion:
        tries = 0
        while True:
            try:
                with self._opened(file, 0, 1) as response:
                    return _version(response)
            except (OSError, http.client.HTTPException) as error:
                tries += 1
                self._pause(file, error, tries)

    def read(
        self, file: str, start: int, stop: int, version: FileVersion | None = None
    ) -> Iterator[bytes]:
        """As `FileOrigin.read`. Where the connection breaks, the next one goes on."""
        tries = 0
        while start < stop:
            try:
                with self._opened(file, start, stop, version) as response:
                    while piece := response.read1(min(CHUNK_BYTES, stop - start)):
                        start += len(piece)
                        tries = 0
                        yield piece
                if start < stop:
                    raise http.client.IncompleteRead(b"", stop - start)
            except (OSError, http.client.HTTPException) as error:
                tries += 1
                self._pause(file, error, tries)

    def read_whole(self, file: str) -> bytes:
        version = self.version(file)
        if version.size_bytes > MAX_SMALL_FILE_BYTES:
            raise DownloadError(f"{self._shown(file)}: is larger than such a file can be")
        data = b"".join(self.read(file, 0, version.size_bytes, version))
        if not _has_digest(data, version.digest):
            raise DownloadError(
                f"{self._shown(file)}: its hash is not the one that the hub states "
                f"({version.digest}); try again, or use another mirror"
            )
        return data

    def _opened(self, file: str, start: int, stop: int, version: FileVersion | None = None) -> Any:
        """The response with the bytes from `start` on; no more than to `stop` are asked for."""
        request = Request(
            f"{self._address}/{quote(file)}",
            headers={
                "User-Agent": f"geotagger/{__version__}",
                "Accept-Encoding": "identity",
                "Range": f"bytes={start}-{stop - 1}",
            },
        )
        if version and version.tag and not version.tag.startswith("W/"):
            request.add_header("If-Range", version.tag)
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        response = self._opener.open(request, timeout=TIMEOUT_S)
        try:
            self._check(response, file, start, version)
        except BaseException:
            response.close()
            raise
        return response

    def _check(self, response: Any, file: str, start: int, version: FileVersion | None) -> None:
        """
        Raises:
            FileChangedError: the response is about another version.
            DownloadError: the server sends other bytes than were asked for.
        """
        now = _version(response)
        if version and (now.size_bytes, now.tag) != (version.size_bytes, version.tag):
            raise FileChangedError(f"{self._shown(file)}: changed during the download")
        sent = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        first = _number(sent[1]) if response.status == http.client.PARTIAL_CONTENT and sent else 0
        if first != start or response.headers.get("Content-Encoding", "identity") != "identity":
            raise DownloadError(
                f"{self._shown(file)}: this server sends no parts of files; download them by "
                "other means, and name their folder with --from"
            )

    def _pause(self, file: str, error: Exception, tries: int) -> None:
        """Wait before the next try.

        Raises:
            DownloadError: another try would not help.
        """
        code = error.code if isinstance(error, HTTPError) else 0
        if isinstance(error, HTTPError):
            error.close()
        problem = str(error)
        if isinstance(error, URLError):
            problem = f"HTTP {code} {error.reason}" if code else f"no connection ({error.reason})"
        if (code and code not in _WORTH_ANOTHER_TRY) or tries >= TRIES:
            remedy = _REMEDIES.get(code, "try again later; what is here already is kept")
            kind = FileMissingError if code == http.client.NOT_FOUND else DownloadError
            raise kind(f"{self._shown(file)}: {problem}; {remedy}") from error
        pause_s = FIRST_PAUSE_S * 2 ** (tries - 1)
        if isinstance(error, HTTPError) and (wanted := error.headers.get("Retry-After", "")):
            pause_s = float(wanted) if wanted.isdecimal() else pause_s
        log.warning("%s: %s; trying again", self._shown(file), problem)
        time.sleep(min(pause_s, MAX_PAUSE_S))

    def _shown(self, file: str) -> str:
        return f"{self.name}, {file}"


class _Redirects(HTTPRedirectHandler):
    """Follows redirects: the token stays at its server, what the hub states is kept."""

    def __init__(self, server: tuple[str, str, int | None], token: str) -> None:
        self._server = server
        self._token = token

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        if _server(req.full_url)[0] == "https" and _server(newurl)[0] != "https":
            raise DownloadError(f"{req.full_url}: {_NO_REDIRECT.format(_server(newurl)[1])}")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None:
            if self._token and _server(newurl) == self._server:
                request.add_unredirected_header("Authorization", f"Bearer {self._token}")
            stated = dict(getattr(req, "stated", {}))
            if _server(req.full_url) == self._server:
                stated |= {name: headers[name] for name in _HUB_HEADERS if headers.get(name)}
            request.stated = stated  # type: ignore[attr-defined]
        return request

    def http_response(self, request: Request, response: Any) -> Any:
        """Keeps with a response what the servers before it stated."""
        response.stated = getattr(request, "stated", {})
        return response

    https_response = http_response


def _version(response: Any) -> FileVersion:
    headers: Mapping[str, str] = response.headers
    stated: Mapping[str, str] = response.stated
    in_range = _CONTENT_RANGE.match(headers.get("Content-Range", ""))
    size = _number(in_range[2] if in_range else headers.get("Content-Length", ""))
    tag = headers.get("ETag", "")
    commit = stated.get("X-Repo-Commit") or headers.get("X-Repo-Commit", "")
    commit = commit if re.fullmatch(r"[0-9a-f]{40}", commit) else ""
    digest = stated.get("X-Linked-Etag") or headers.get("X-Linked-Etag") or tag
    return FileVersion(size, tag, commit, digest.removeprefix("W/").strip('"') if commit else "")


def _number(text: str) -> int:
    """A length that a server states; 0 for what is none."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0


def _has_digest(data: bytes, digest: str) -> bool:
    """Whether data have the hub's hash; a hash of a kind that is not known counts as equal."""
    if re.fullmatch(r"[0-9a-f]{64}", digest):
        return hashlib.sha256(data).hexdigest() == digest
    if re.fullmatch(r"[0-9a-f]{40}", digest):  # as Git names its blobs
        blob = b"blob %d\0%b" % (len(data), data)
        return hashlib.sha1(blob, usedforsecurity=False).hexdigest() == digest
    return True


def _server(address: str) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        return "", "", None
