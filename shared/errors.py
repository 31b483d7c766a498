"""The family of errors. Raised once, anywhere; worded per dialect in `shared.dialects`.

ApiError
  Invalid               400   the request cannot be read, or a field is wrong
  Unauthorized          401   no key, or not a valid one
  Forbidden             403   a valid key that may not do this
  NotFound              404   no such thing here
  MethodNotAllowed      405   the path exists, the method does not
  Conflict              409   something else is at it; try again
  PreconditionFailed    412   If-Match names another version
  TooLarge              413   the body is larger than allowed
  TargetTooLong         414   path and query are longer than allowed
  UnsupportedMedia      415   the body is of a kind that is not taken
  RangeNotSatisfiable   416   the part of a file that is asked for is not in it
  ExpectationFailed     417   the request expects what is not known
  Refused               422   understood, and not possible as things are
    InsufficientFunds
  TooManyRequests       429   the key's rate limit is used up
  HeadTooLarge          431   the request's headers are larger than allowed
  Internal              500   our fault
  UnknownCoding         501   the body is sent in a way that is not known
  Unavailable           503   a part of the product cannot answer now
  DeadlineExceeded      504   a part of the product did not answer in time
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, ClassVar

FieldErrors = Mapping[str, Any]
"""Field name -> list of texts, nested where the field is."""


class ApiError(Exception):
    """An answer that is not the one hoped for."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    message: ClassVar[str] = "Internal server error"

    def __init__(
        self,
        message: str | None = None,
        *,
        errors: FieldErrors | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message or self.message)
        self.errors = errors
        self.headers = dict(headers or {})


class Invalid(ApiError):
    status, message = HTTPStatus.BAD_REQUEST, "Invalid request parameters"


class Unauthorized(ApiError):
    status, message = HTTPStatus.UNAUTHORIZED, "Invalid or missing API key"


class Forbidden(ApiError):
    status, message = HTTPStatus.FORBIDDEN, "This API key may not do that"


class NotFound(ApiError):
    status, message = HTTPStatus.NOT_FOUND, "Resource not found"


class MethodNotAllowed(ApiError):
    status, message = HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed"


class Conflict(ApiError):
    status, message = HTTPStatus.CONFLICT, "Another request is at work on this; try again"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"Retry-After": "1"})


class PreconditionFailed(ApiError):
    status, message = HTTPStatus.PRECONDITION_FAILED, "If-Match does not name the current version"


class TooLarge(ApiError):
    status, message = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request body is too large"


class TargetTooLong(ApiError):
    status, message = HTTPStatus.REQUEST_URI_TOO_LONG, "The request target is too long"


class UnsupportedMedia(ApiError):
    status, message = HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Unsupported media type"


class RangeNotSatisfiable(ApiError):
    status, message = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "The file has no such part"


class ExpectationFailed(ApiError):
    status, message = HTTPStatus.EXPECTATION_FAILED, "The expectation is not known"


class Refused(ApiError):
    status, message = HTTPStatus.UNPROCESSABLE_ENTITY, "The operation cannot be completed"


class InsufficientFunds(Refused):
    message = "Insufficient funds"


class TooManyRequests(ApiError):
    status, message = HTTPStatus.TOO_MANY_REQUESTS, "Too many requests"


class HeadTooLarge(ApiError):
    status, message = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request headers are too large"


class Internal(ApiError):
    status, message = HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error"


class UnknownCoding(ApiError):
    status, message = HTTPStatus.NOT_IMPLEMENTED, "The transfer coding is not known"


class Unavailable(ApiError):
    status, message = HTTPStatus.SERVICE_UNAVAILABLE, "Service temporarily unavailable"

    def __init__(self, message: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})


class DeadlineExceeded(ApiError):
    status, message = HTTPStatus.GATEWAY_TIMEOUT, "The service did not answer in time"


BY_STATUS: dict[int, type[ApiError]] = {
    int(error.status): error
    for error in (
        Invalid,
        Unauthorized,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        Conflict,
        PreconditionFailed,
        TooLarge,
        TargetTooLong,
        UnsupportedMedia,
        RangeNotSatisfiable,
        ExpectationFailed,
        Refused,
        TooManyRequests,
        HeadTooLarge,
        Internal,
        UnknownCoding,
        Unavailable,
        DeadlineExceeded,
    )
}
"""The member of the family that a bare HTTP status stands for."""


@contextmanager
def renamed(names: Mapping[str, str]) -> Iterator[None]:
    """Let the domain's blame fall on what a field is called in a dialect."""
    try:
        yield
    except Invalid as wrong:
        named = {names.get(name, name): why for name, why in (wrong.errors or {}).items()}
        raise Invalid(str(wrong), errors=named) from None
