"""Rules and segments in files, as JSON or YAML.

YAML is read as version 1.2: `NO` is Norway and not false, dates stay text, and what would be read as
something else than it looks is refused.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePath
from typing import IO, Any, ClassVar, Final

import click
import yaml

from peoplesync_cli.failure import USAGE, Failure

_CORE: Final = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"-?(0|[1-9][0-9]*)", "-0123456789"),
    "float": (r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", "-0123456789"),
    "null": (r"null|Null|NULL|~|", ["n", "N", "~", ""]),
}
"""What is not text, by tag, each with the characters it begins with."""


_TAG: Final = "tag:yaml.org,2002:"


class _Invalid(ValueError):
    """What is wrong with a file."""


class _Loader(yaml.SafeLoader):
    """Plain values, lists and mappings by text, each name once; nothing else that YAML knows."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]  # PyYAML sets it on the class
    yaml_constructors: ClassVar[dict[Any, Any]] = {
        tag: yaml.SafeLoader.yaml_constructors[tag]
        for tag in (
            None,
            *(f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map")),
        )
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]  # PyYAML's own
            raise _Invalid(f"line {line}: write it out, *aliases are not read")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        names: set[str] = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.tag != f"{_TAG}str":
                raise _Invalid(f"line {line}: a name is text; put it in quotes if this is one")
            if key.value in names:
                raise _Invalid(f"line {line}: {key.value!r} is there twice")
            names.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Writes what readers of YAML 1.1 and 1.2 read alike."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


for _tag, (_pattern, _first) in _CORE.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"{_TAG}{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def read(file: IO[str]) -> Any:
    """What is in a file: JSON if it is called that or begins like it, else YAML. Fails with what is wrong."""
    try:
        text = file.read()
    except UnicodeDecodeError as error:
        raise Failure(f"{file.name} is not in UTF-8.", USAGE) from error
    return _parsed(file.name, text)


def given(option: str, value: str) -> Any:
    """What an option holds: JSON itself, else the file of that name; - is stdin."""
    if value.lstrip().startswith("{"):
        return _parsed(option, value)
    try:
        with click.open_file(value, encoding="utf-8") as file:
            return read(file)
    except OSError as error:
        raise Failure(f"{option} {value} cannot be read: {error.strerror}.", USAGE) from error


def _parsed(name: str, text: str) -> Any:
    kind = "JSON"
    try:
        if not _is_json(name, text):
            kind = "YAML"
            return yaml.load(text, _Loader)  # noqa: S506 - a safe loader, stricter than PyYAML's own
        return json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
    except _Invalid as error:
        raise Failure(f"{name}: {error}.", USAGE) from error
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise Failure(f"{name} is not YAML: {error.problem or error.context}{line}.", USAGE) from error
    except (ValueError, yaml.YAMLError) as error:
        raise Failure(f"{name} is not {kind}: {error}.", USAGE) from error
    except RecursionError as error:
        raise Failure(f"{name} is nested too deep to be read.", USAGE) from error


def as_yaml(content: Any) -> str:
    """The content as YAML that `read` takes for the same."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _is_json(name: str, text: str) -> bool:
    suffix = PurePath(name).suffix.lower()
    return suffix == ".json" or (suffix not in (".yaml", ".yml") and text.lstrip()[:1] in ("{", "["))


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise _Invalid(f"{name!r} is there twice in one object")
        made[name] = value
    return made


def _no_number(text: str) -> Any:
    raise _Invalid(f"{text} is not a number")
