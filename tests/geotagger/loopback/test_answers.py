"""Functions as routes: what they return, and the status of each error."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from geotagger.errors import GeotaggerError, PhotoError
from geotagger.loopback.answers import FieldError, NotNowError, get, post


def asked(answer, content=None):
    """The answer to a request; with a content to one that changes something."""
    route = get("/", answer) if content is None else post("/", answer)
    with TestClient(Starlette(routes=[route]), raise_server_exceptions=False) as client:
        return client.get("/") if content is None else client.post("/", content=content)


def raising(error):
    def answer(_):
        raise error

    return answer


def test_what_a_function_returns_is_the_answer():
    answer = asked(lambda request: {"path": request.url.path})
    assert (answer.status_code, answer.json()) == (200, {"path": "/"})
    answer = asked(lambda value: value["a"], '{"a": [1, "é"]}')
    assert (answer.status_code, answer.json()) == (200, [1, "é"])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LookupError("no photo 7"), 404),
        (IndexError("no row 9"), 404),
        (NotNowError("a run is going on"), 409),
        (FieldError("area", "no such country"), 400),  # without the name of the field
        (ValueError("not a number"), 400),
        (OverflowError("too large"), 400),
        (TypeError("a number is needed"), 400),
        (PhotoError("damaged"), 500),
        (GeotaggerError("disk full"), 500),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("content", [None, "{}"], ids=["get", "post"])
def test_an_error_is_a_status_and_a_sentence(error, status, content):
    answer = asked(raising(error), content)
    assert (answer.status_code, answer.json()["error"]) == (status, error.args[-1])
    assert answer.json().get("field") == getattr(error, "field", None)


def test_an_error_of_the_program_tells_nothing_of_its_inside():
    answer = asked(raising(RuntimeError("/home/anna/secret")))
    assert answer.status_code == 500
    assert "anna" not in answer.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "this is not JSON"),
        ("{", "this is not JSON"),
        (b"\xff\xfe{", "this is not JSON"),
        ("[" * 100_000, "this is not JSON"),
        ("[]", "this is not a JSON object"),
        ("null", "this is not a JSON object"),
        ('"a"', "this is not a JSON object"),
    ],
    ids=range(7),
)
def test_what_is_no_json_object_reaches_no_function(content, words):
    called = []
    answer = asked(called.append, content)
    assert (answer.status_code, answer.json()) == (400, {"error": words})
    assert not called


def test_a_route_answers_to_its_own_method_alone():
    with TestClient(Starlette(routes=[get("/a", str), post("/b", dict)])) as client:
        assert client.post("/a", content="{}").status_code == 405
        assert client.get("/b").status_code == 405
