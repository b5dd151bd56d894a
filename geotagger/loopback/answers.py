"""Turns functions into routes that answer in JSON; an error becomes its status and a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from geotagger.errors import GeotaggerError, UsageError

if TYPE_CHECKING:
    from starlette.requests import Request

Answer = Callable[["Request"], Any]


class NotNowError(GeotaggerError):
    """The request is valid, and cannot be done at this moment."""


class FieldError(UsageError):
    """A field of the request is invalid."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def get(path: str, answer: Answer) -> Route:
    """A route whose answer may take long; it runs in a thread."""
    return Route(path, lambda request: answered(answer, request), methods=["GET"])


def post(path: str, answer: Callable[[Any], Any]) -> Route:
    """A route that takes a JSON object."""

    async def endpoint(request: Request) -> Response:
        try:
            value = await request.json()
        except (ValueError, RecursionError):
            return JSONResponse({"error": "this is not JSON"}, 400)
        if not isinstance(value, dict):
            return JSONResponse({"error": "this is not a JSON object"}, 400)
        return await run_in_threadpool(answered, answer, value)

    return Route(path, endpoint, methods=["POST"])


def answered(answer: Callable[[Any], Any], value: Any) -> Response:
    """The answer to a request, or its error."""
    try:
        return JSONResponse(answer(value))
    except LookupError as error:
        return JSONResponse({"error": str(error)}, 404)
    except NotNowError as error:
        return JSONResponse({"error": str(error)}, 409)
    except FieldError as error:
        return JSONResponse({"error": str(error), "field": error.field}, 400)
    except (ValueError, OverflowError, TypeError) as error:
        return JSONResponse({"error": str(error)}, 400)
    except GeotaggerError as error:
        return JSONResponse({"error": str(error)}, 500)
