"""Changes to fields: custom ones, and built-in ones as far as they allow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from peoplesync.domain.fields.built_in import MOST_FIELDS, BuiltinField, Field, FieldType
from peoplesync.domain.fields.custom import CUSTOM_GROUP, check_field
from peoplesync.domain.segments.definitions import Definitions
from peoplesync.use_cases.defining.changes import Definer, DefinitionChange, InvalidDefinition, check_title
from peoplesync.use_cases.queries.browse import NotFound


class FieldDefiner(Definer):
    """Makes, changes and removes fields."""

    def add(
        self, key: str, title: str, field_type: FieldType, source: str, group: str = CUSTOM_GROUP
    ) -> DefinitionChange:
        """Adds a custom field with the value at that path."""
        added = Field(key, check_title(title), check_title(group, "group"), field_type, source.strip())
        check_field(added)

        def edit(now: Definitions) -> Definitions:
            if any(one.key == key for one in now.fields):
                raise InvalidDefinition(f"there is a field {key} already; take another key")
            if len(now.fields) >= MOST_FIELDS:
                raise InvalidDefinition(
                    f"there are {len(now.fields)} fields, {MOST_FIELDS} are allowed; remove one first: "
                    "`peoplesync fields remove KEY`"
                )
            return replace(now, fields=(*now.fields, added))

        return self.change(edit)

    def edit(self, key: str, *, title: str | None = None, enabled: bool | None = None) -> DefinitionChange:
        """Changes what is given of a field; its key stays. One that is not enabled is neither written nor
        shown."""
        named = None if title is None else check_title(title)

        def edit(now: Definitions) -> Definitions:
            if enabled is False and _field(now, key).enabled:
                _refuse_if_used(now, key)
            facts = {"title": named, "enabled": enabled}
            return _with_field(now, key, **{name: one for name, one in facts.items() if one is not None})

        return self.change(edit)

    def rename(self, key: str, title: str) -> DefinitionChange:
        """Changes the title; the key stays."""
        return self.edit(key, title=title)

    def enable(self, key: str) -> DefinitionChange:
        """Has the field written and shown again."""
        return self.edit(key, enabled=True)

    def disable(self, key: str) -> DefinitionChange:
        """Has the field neither written nor shown; it stays defined."""
        return self.edit(key, enabled=False)

    def remove(self, key: str) -> DefinitionChange:
        """Removes a field and its values."""

        def edit(now: Definitions) -> Definitions:
            if isinstance(_field(now, key), BuiltinField):
                raise InvalidDefinition(
                    f"{key} is built in and cannot be removed; disable it instead: "
                    f"`peoplesync fields disable {key}`"
                )
            _refuse_if_used(now, key)
            return replace(now, fields=tuple(one for one in now.fields if one.key != key))

        return self.change(edit)


def fields_in(rule: Any) -> Iterator[str]:
    """The keys of the fields that a rule asks for."""
    if isinstance(rule, Mapping):
        for name, value in rule.items():
            if name == "field":
                yield str(value)
            elif name in ("all", "any", "none"):
                for part in value:
                    yield from fields_in(part)


def _field(definitions: Definitions, key: str) -> Field:
    for one in definitions.fields:
        if one.key == key:
            return one
    raise NotFound(f"there is no field {key}; `peoplesync fields list` shows them")


def _with_field(definitions: Definitions, key: str, **facts: Any) -> Definitions:
    changed = replace(_field(definitions, key), **facts)
    return replace(
        definitions, fields=tuple(changed if one.key == key else one for one in definitions.fields)
    )


def _refuse_if_used(definitions: Definitions, key: str) -> None:
    if using := [one.id for one in definitions.enabled if key in fields_in(one.rule)]:
        raise InvalidDefinition(
            f"{key} is used by {', '.join(using)}; disable {'it' if len(using) == 1 else 'these'} first: "
            f"`peoplesync segments disable {' '.join(using)}`"
        )
