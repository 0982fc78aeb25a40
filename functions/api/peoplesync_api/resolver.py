"""The resolver: each route declares who may and what it answers; everything else is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder, Route
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from peoplesync_api.callers import Caller, Role, caller_of
from peoplesync_api.problems import Problem, of_validation
from peoplesync_api.requests import read_json

ROOT = "/api/v1"
CONNECTION = f"{ROOT}/connections/<connection>"
"""Where the resources of a connection begin."""

H = TypeVar("H", bound=Callable[..., Any])

logger = Logger(child=True)


class Api(APIGatewayHttpResolver):
    """Powertools' resolver, with roles. A route without one cannot be registered."""

    def __init__(self) -> None:
        super().__init__(enable_validation=True, json_body_deserializer=read_json)
        self.roles: dict[str, Role] = {}
        """By method and rule; who may ask for a route."""
        self.audit: (
            Callable[[Caller, str, str, Callable[[], ResponseBuilder[Any]]], ResponseBuilder[Any]] | None
        )
        self.audit = None
        """Keeps a trail of what admins do."""
        self.operation = ""
        """What was asked for last."""
        self.exception_handler(Exception)(self._refused)

    def declare(
        self,
        method: str,
        rule: str,
        role: Role,
        answer: str,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        content_type: str = "application/json",
        etag: bool = False,
    ) -> Callable[[H], H]:
        """Registers a handler, for those who have the role. `answer` is the schema of what it answers with
        (infra/api_schemas.yaml), `etag` says that it comes with one."""
        described: Any = {
            "description": answer,
            "content": {content_type: {"schema": {"$ref": f"#/components/schemas/{answer}"}}},
        }
        if content_type.startswith("text/"):
            described["content"] = {content_type: {"schema": {"type": "string"}}}
        if etag:
            described["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "For If-Match"}}
        self.roles[f"{method} {rule}"] = role

        def register(handler: H) -> H:
            summary, _, more = (handler.__doc__ or "").strip().partition("\n")
            registered: H = self.route(
                rule,
                method,
                summary=summary.rstrip("."),
                description=" ".join(more.split()) or None,
                responses={int(status): described},
                tags=[handler.__module__.rpartition(".")[2]],
                operation_id=handler.__name__,
                status_code=int(status),
            )(handler)
            return registered

        return register

    def route(self, rule: str, method: Any, *args: Any, **named: Any) -> Any:
        """Raises `LookupError` for a route whose role nobody declared."""
        if f"{method} {rule}" not in self.roles:
            raise LookupError(f"{method} {rule} declares no role")
        return super().route(rule, method, *args, **named)

    @property
    def caller(self) -> Caller:
        """Who asks now."""
        return caller_of(self.current_event.raw_event)

    def _call_route(self, route: Route, route_arguments: dict[str, str]) -> ResponseBuilder[Any]:
        """Powertools looks at parameters first; who asks comes before what."""
        self.operation = route.operation_id
        try:
            self._admit(route)
            return self._called(route, route_arguments)
        except Exception as error:
            return self._answer(self._refused(error), route)

    def _called(self, route: Route, route_arguments: dict[str, str]) -> ResponseBuilder[Any]:
        if self.audit is not None and route.method != "GET" and self._role(route) is Role.ADMIN:
            connection = route_arguments.get("connection", "")
            # A name or an e-mail would outlive whom it belongs to; the answer says who it was, by id.
            about = [one for name, one in route_arguments.items() if name not in ("connection", "person")]
            what = " ".join([route.operation_id, *about])
            return self.audit(
                self.caller, connection, what, lambda: super(Api, self)._call_route(route, route_arguments)
            )
        return super()._call_route(route, route_arguments)

    def _admit(self, route: Route) -> None:
        """Raises `Problem` unless the caller may, and sends what the route knows."""
        role = self._role(route)
        if role > self.caller.role:
            needed = role.name.lower()
            detail = f"this takes the role {needed}: have an admin give it to you, and sign in again"
            raise Problem(HTTPStatus.FORBIDDEN, detail)
        known = {one.alias for one in route.dependant.query_params}
        for name in self.current_event.query_string_parameters or {}:
            if name not in known:
                there_are = ", ".join(sorted(known)) or "none"
                raise Problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    f"there is no parameter {name[:40]!r}; there are: {there_are}",
                    "/query",
                )
        if route.dependant.body_params:
            self._look_at_body()

    def _look_at_body(self) -> None:
        """Raises `Problem` for what is not even text of JSON's type; Powertools reads it by `read_json`."""
        content_type = str(self.current_event.headers.get("content-type") or "application/json")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON, with the content type application/json"
            )
        try:
            text = self.current_event.decoded_body
        except ValueError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is not UTF-8", "/body") from error
        if not text:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is missing", "/body")

    def _role(self, route: Route) -> Role:
        return self.roles[f"{route.method} {route.path}"]

    def _handle_not_found(self, method: str, path: str) -> ResponseBuilder[Any]:
        self.operation = ""
        routes = [one for one in self._static_routes + self._dynamic_routes if one.rule.match(path)]
        if routes:
            allowed = ", ".join(sorted({one.method for one in routes}))
            problem = Problem(
                HTTPStatus.METHOD_NOT_ALLOWED, f"here are: {allowed}", headers={"Allow": allowed}
            )
        else:
            problem = Problem(
                HTTPStatus.NOT_FOUND,
                f"there is no such resource; {ROOT}/openapi.json describes what there is",
            )
        unknown = Route(method, path, self._compile_regex(".*"), problem.response, False, False)
        return self._answer(problem.response(), unknown)

    def _answer(self, response: Response[Any], route: Route) -> ResponseBuilder[Any]:
        return self._response_builder_class(response=response, serializer=self._serializer, route=route)

    def _refused(self, error: Exception) -> Response[str]:
        """Any exception as a problem; what nobody foresaw is logged, and says nothing of itself."""
        if isinstance(error, RequestValidationError):
            return of_validation(error.errors()).response()
        from peoplesync_api.refusals import (
            problem_of,  # knows all use cases, which a cold start need not load
        )

        problem = error if isinstance(error, Problem) else problem_of(error)
        if problem is None:
            logger.exception("A request failed")
            request = self.lambda_context.aws_request_id
            detail = f"this failed here; the log has more under the request id {request}"
            problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
        return problem.response()


def finished(answer: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    """An answer with the headers that all have."""
    headers = {
        **answer.get("headers", {}),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
    }
    return {**answer, "headers": headers}
