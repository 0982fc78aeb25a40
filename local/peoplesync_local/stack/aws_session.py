"""Clients for the emulator that cannot touch the user's AWS account."""

from __future__ import annotations

import os
from typing import Any

import boto3
import botocore.session

# The emulator takes any credentials; these are the ones everybody recognises as not real.
CREDENTIALS = ("test", "test")


class LocalSession(boto3.Session):
    """A boto3 session all of whose clients speak to one emulator.

    It reads no configuration file, no profile and no credentials of the user's: a profile that does not
    exist, or one that points to production, makes no difference.
    """

    def __init__(self, endpoint: str, region: str) -> None:
        unset = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
        core = botocore.session.Session(
            session_vars={**unset, "credentials_file": (None, None, os.devnull, None)}
        )
        super().__init__(
            aws_access_key_id=CREDENTIALS[0],
            aws_secret_access_key=CREDENTIALS[1],
            region_name=region,
            botocore_session=core,
        )
        self.endpoint = endpoint

    def client(self, *args: Any, **options: Any) -> Any:
        """Like boto3's, with the emulator's address."""
        return super().client(*args, **{"endpoint_url": self.endpoint, **options})

    def resource(self, *args: Any, **options: Any) -> Any:
        """Like boto3's, with the emulator's address."""
        return super().resource(*args, **{"endpoint_url": self.endpoint, **options})


def environment(endpoint: str, region: str) -> dict[str, str]:
    """The same as environment variables, for libraries that make their own clients (PynamoDB)."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": CREDENTIALS[0],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS[1],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
