"""A deployed stack: the names by which its tables, queues and secrets are found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Stack:
    """Names of one deployment. A function has them in its environment, the template gives them as outputs:
    `people_table` is `PEOPLE_TABLE` there and `PeopleTable` here."""

    people_table: str
    identities_table: str
    feed_table: str
    fields_table: str
    segments_table: str
    segment_members_table: str
    connections_table: str
    catalogue_table: str
    imports_table: str
    read_models_table: str
    write_keys_table: str
    audit_table: str
    live_queue_url: str
    bulk_queue_url: str
    review_queue_url: str
    live_dead_letter_queue_url: str
    bulk_dead_letter_queue_url: str
    review_dead_letter_queue_url: str
    secrets_prefix: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Stack:
        """The stack that a function belongs to."""
        return cls(**{field.name: environment[field.name.upper()] for field in fields(cls)})

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, str]) -> Stack:
        """The stack that CloudFormation describes; raises `KeyError` where it is not one of ours."""
        return cls(**{field.name: outputs[output_of(field.name)] for field in fields(cls)})

    @property
    def environment(self) -> Mapping[str, str]:
        """The same names, as its functions have them."""
        return {field.name.upper(): getattr(self, field.name) for field in fields(self)}


def output_of(variable: str) -> str:
    """The name of the output that has the same value as a function's variable."""
    return "".join(part.capitalize() for part in variable.split("_"))


def variable_of(output: str) -> str:
    """The name of the function's variable that has the same value as an output."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", output).upper()
