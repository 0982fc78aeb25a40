"""Each route of the API, through the gateway: without a token, with one of somebody else's or an expired
one, as a viewer."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from peoplesync_api.api import build
from peoplesync_api.callers import Role
from peoplesync_cli.target import Target, of_local
from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.http_client import HttpClient

ROLES = build().roles
ROUTES = sorted(ROLES)
AUDIENCE = "console-of-the-company"


@pytest.fixture(scope="module")
def target(local_stack: LocalStack) -> Target:
    return of_local(local_stack)


@pytest.fixture(scope="module")
def viewer(target: Target) -> HttpClient:
    return HttpClient(target, "viewer")


def status(client: HttpClient, route: str) -> int:
    method, _, rule = route.partition(" ")
    path = rule.replace("<connection>", "main").replace("<", "").replace(">", "").lstrip("/")
    return client.ask(method, path, {} if method in ("POST", "PUT", "PATCH") else None).status


def answered(client: HttpClient) -> dict[str, int]:
    return {route: status(client, route) for route in ROUTES}


@pytest.mark.parametrize("token", ["", "x.y.z"], ids=["none", "garbage"])
def test_nobody_gets_further_than_the_gateway_without_a_token(target: Target, token: str) -> None:
    assert set(answered(HttpClient(target, other_token=token)).values()) == {401}


def test_a_token_of_another_pool_is_not_taken(target: Target) -> None:
    cognito = target.session.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="another")["UserPool"]["Id"]
    for group in ("admin", "viewer"):
        cognito.create_group(UserPoolId=pool, GroupName=group)
    made = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="c", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    )
    users = type(target.user_pool)(cognito, pool, made["UserPoolClient"]["ClientId"])

    assert set(answered(HttpClient(target, other_token=users.token("admin"))).values()) == {401}


def test_a_viewer_is_refused_wherever_an_admin_is_asked_for_and_nowhere_else(viewer: HttpClient) -> None:
    refused = [route for route, status in answered(viewer).items() if status == 403]

    assert refused == [route for route in ROUTES if ROLES[route] is Role.ADMIN]


def test_who_is_in_no_group_may_only_ask_who_they_are(target: Target) -> None:
    users = target.user_pool
    users.token("viewer")
    users.cognito.admin_remove_user_from_group(
        UserPoolId=users.pool, Username="viewer@scripts.invalid", GroupName="viewer"
    )
    answer = users.cognito.admin_set_user_password(
        UserPoolId=users.pool, Username="viewer@scripts.invalid", Password="Synthetic-07-pass", Permanent=True
    )
    answer = users.cognito.admin_initiate_auth(
        UserPoolId=users.pool,
        ClientId=users.scripts_client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "viewer@scripts.invalid", "PASSWORD": "Synthetic-07-pass"},
    )
    nobody = HttpClient(target, other_token=answer["AuthenticationResult"]["AccessToken"])

    let_in = [route for route, status in answered(nobody).items() if status != 403]
    assert let_in == [route for route in ROUTES if ROLES[route] is Role.NONE]


@dataclass(frozen=True)
class Issuer:
    """An OpenID Connect issuer of the company's own: its address, its key."""

    url: str
    key: rsa.RSAPrivateKey

    def token(self, key: rsa.RSAPrivateKey | None = None, **claims: Any) -> str:
        now = int(time.time())
        standard = {"iss": self.url, "aud": AUDIENCE, "sub": "ann", "iat": now - 60, "exp": now + 600}
        groups = {"cognito:groups": ["admin"]}
        return jwt.encode(standard | groups | claims, key or self.key, "RS256", headers={"kid": "k1"})


@pytest.fixture
def issuer(target: Target) -> Iterator[Issuer]:
    """The stack takes this issuer's tokens meanwhile, as it would with OidcIssuer and OidcAudience."""
    key = rsa.generate_private_key(65537, 2048)
    numbers = key.public_key().public_numbers()

    def written(number: int) -> str:
        content = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(content).decode().rstrip("=")

    keys = json.dumps(
        {
            "keys": [
                {"kid": "k1", "kty": "RSA", "alg": "RS256", "n": written(numbers.n), "e": written(numbers.e)}
            ]
        }
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path.endswith("jwks.json") else 404)
            self.end_headers()
            self.wfile.write(keys.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    gateway = target.session.client("apigatewayv2")
    api = target.console_url.rstrip("/").rpartition("/")[2]
    (authorizer,) = gateway.get_authorizers(ApiId=api)["Items"]
    at = {"ApiId": api, "AuthorizerId": authorizer["AuthorizerId"]}
    try:
        gateway.update_authorizer(**at, JwtConfiguration={"Issuer": url, "Audience": [AUDIENCE]})
        yield Issuer(url, key)
    finally:
        gateway.update_authorizer(**at, JwtConfiguration=authorizer["JwtConfiguration"])
        server.shutdown()


def test_an_issuer_of_ones_own_says_who_may(target: Target, issuer: Issuer) -> None:
    admin = HttpClient(target, other_token=issuer.token(email="ann@example.com"))

    assert admin.get("api/v1/me") == {"name": "ann@example.com", "role": "admin"}


@pytest.mark.parametrize(
    "claims",
    [{"exp": 1_700_000_000}, {"aud": "another"}, {"iss": "https://another.example"}, {"nbf": 4_000_000_000}],
    ids=["expired", "audience", "issuer", "not yet"],
)
def test_a_token_that_is_not_for_here_and_now_is_not_taken(
    target: Target, issuer: Issuer, claims: dict[str, Any]
) -> None:
    assert set(answered(HttpClient(target, other_token=issuer.token(**claims))).values()) == {401}


def test_a_token_signed_by_somebody_else_is_not_taken(target: Target, issuer: Issuer) -> None:
    forged = issuer.token(key=rsa.generate_private_key(65537, 2048))

    assert set(answered(HttpClient(target, other_token=forged)).values()) == {401}


def test_pages_and_where_to_sign_in_are_for_everybody(target: Target) -> None:
    anybody = HttpClient(target, other_token="")
    page = anybody.ask("GET", "")
    config = anybody.get("config.json")

    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert config["issuer"].endswith(target.outputs["UserPoolId"])
    assert anybody.ask("GET", "no/such/page").status == 404
