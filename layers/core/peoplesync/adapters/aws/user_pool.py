"""The people who may sign in: a Cognito user pool, with a group for each role."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from peoplesync.use_cases.public_json import iso

ROLES: Final = ("admin", "viewer")
"""The groups; who is in several has the first."""

SCRIPTS: Final = "@scripts.invalid"
"""What the addresses of users end with who only stand for scripts: no mail reaches them."""

_TOKEN_TRIES: Final = 3


@dataclass(frozen=True)
class UserPool:
    """The pool with that id; `cognito` is boto3's client, `scripts_client` the id of the pool's client that
    scripts get tokens by. All raise botocore's `ClientError`."""

    cognito: Any
    pool: str
    scripts_client: str

    def add(self, email: str, role: str) -> bool:
        """Has Cognito invite somebody by mail, with a password for the first time; or gives who is there
        already the role. Whether they are new."""
        new = self._create(email)
        self._give(email, role)
        return new

    def all(self) -> list[dict[str, Any]]:
        """Those who may sign in, each once: `email`, `role` (null: none), `state` as Cognito calls it and
        `since`."""
        roles: dict[str, str] = {}
        for role in reversed(ROLES):
            for user in self._pages("list_users_in_group", "Users", GroupName=role):
                roles[user["Username"]] = role
        users = list(self._pages("list_users", "Users"))
        return sorted(
            (_shown(one, roles.get(one["Username"])) for one in users), key=lambda one: one["email"]
        )

    def remove(self, email: str) -> None:
        """Removes somebody. A token that they have is good for its hour."""
        self.cognito.admin_user_global_sign_out(UserPoolId=self.pool, Username=email)
        self.cognito.admin_delete_user(UserPoolId=self.pool, Username=email)

    def reset(self, email: str) -> None:
        """Has Cognito send somebody a mail to choose another password, or the invitation again."""
        user = self.cognito.admin_get_user(UserPoolId=self.pool, Username=email)
        if user["UserStatus"] == "FORCE_CHANGE_PASSWORD":
            self.cognito.admin_create_user(UserPoolId=self.pool, Username=email, MessageAction="RESEND")
        else:
            self.cognito.admin_reset_user_password(UserPoolId=self.pool, Username=email)

    def set_password(self, email: str, role: str) -> str:
        """A new password for good, which Cognito sends to nobody; the user is made if need be."""
        self._create(email, MessageAction="SUPPRESS")
        self._give(email, role)
        # Cognito wants one of each kind.
        letters = [secrets.choice(string.ascii_letters + string.digits) for _ in range(24)]
        password = "".join(letters) + "aA1-"
        self.cognito.admin_set_user_password(
            UserPoolId=self.pool, Username=email, Password=password, Permanent=True
        )
        return password

    def token(self, role: str) -> str:
        """An access token for a script, for an hour. Its user's password is made for it and forgotten; where
        another command makes one at the same time, it is done again."""
        email = f"{role}{SCRIPTS}"
        for tries_left in reversed(range(_TOKEN_TRIES)):
            parameters = {"USERNAME": email, "PASSWORD": self.set_password(email, role)}
            try:
                answer = self.cognito.admin_initiate_auth(
                    UserPoolId=self.pool,
                    ClientId=self.scripts_client,
                    AuthFlow="ADMIN_USER_PASSWORD_AUTH",
                    AuthParameters=parameters,
                )
                return str(answer["AuthenticationResult"]["AccessToken"])
            except ClientError as error:
                if error.response["Error"]["Code"] != "NotAuthorizedException" or not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _give(self, email: str, role: str) -> None:
        for group in ROLES:
            change = self.cognito.admin_add_user_to_group
            if group != role:
                change = self.cognito.admin_remove_user_from_group
            change(UserPoolId=self.pool, Username=email, GroupName=group)

    def _create(self, email: str, **how: str) -> bool:
        attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        try:
            self.cognito.admin_create_user(
                UserPoolId=self.pool, Username=email, UserAttributes=attributes, **how
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "UsernameExistsException":
                raise
            return False
        return True

    def _pages(self, action: str, name: str, **given: Any) -> Iterator[dict[str, Any]]:
        for page in self.cognito.get_paginator(action).paginate(UserPoolId=self.pool, **given):
            yield from page[name]


def _shown(user: dict[str, Any], role: str | None) -> dict[str, Any]:
    attributes = {one["Name"]: one["Value"] for one in user.get("Attributes", [])}
    return {
        "email": attributes.get("email", user["Username"]),
        "role": role,
        "state": user["UserStatus"].lower(),
        "since": iso(int(user["UserCreateDate"].timestamp())),
    }
