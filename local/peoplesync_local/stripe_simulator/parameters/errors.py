"""What Stripe answers instead of an object: each error with its HTTP status and JSON body."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any


class Refusal(Exception):
    """A request that is not granted; `details` are further keys of the answer's `error`."""

    status = HTTPStatus.BAD_REQUEST
    type = "invalid_request_error"

    def __init__(self, message: str, *, headers: dict[str, str] | None = None, **details: Any) -> None:
        super().__init__(message)
        self.headers = headers or {}
        self.details = {name: value for name, value in details.items() if value is not None}

    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        return {"error": {"type": self.type, "message": str(self), **self.details}}


class InvalidRequest(Refusal):
    """400: `param` names the parameter that is wrong (`items[0][price]`), `code` is Stripe's name for it."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message, param=param, code=code)


class IdempotencyConflict(Refusal):
    """400: an idempotency key that was used before, for another request."""

    type = "idempotency_error"


class Missing(Refusal):
    """404: there is no such object; `what` is its kind in words."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, what: str, identifier: str, *, hint: str = "") -> None:
        super().__init__(f"No such {what}: '{identifier}'{hint}", code="resource_missing", param="id")


class Unrecognized(Refusal):
    """404: no address of Stripe's API, or none that this simulator knows."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"Unrecognized request URL ({method}: {path}).")


class UnknownKey(Refusal):
    """401: no such API key, or one that was revoked."""

    status = HTTPStatus.UNAUTHORIZED


class NotPermitted(Refusal):
    """403: the restricted key lacks a permission."""

    status = HTTPStatus.FORBIDDEN


class CardDeclined(Refusal):
    """402: the customer's card was declined."""

    status = HTTPStatus.PAYMENT_REQUIRED
    type = "card_error"

    def __init__(self, charge: str | None = None) -> None:
        super().__init__(
            "Your card was declined.", code="card_declined", decline_code="generic_decline", charge=charge
        )


class InProgress(Refusal):
    """409: a request with the same idempotency key has not been answered yet."""

    status = HTTPStatus.CONFLICT
    type = "idempotency_error"


class TooManyRequests(Refusal):
    """429, by the rate limit or because another request holds the object."""

    status = HTTPStatus.TOO_MANY_REQUESTS


class Broken(Refusal):
    """500: something went wrong on Stripe's end."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    type = "api_error"
