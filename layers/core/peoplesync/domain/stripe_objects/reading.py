"""Typed access to Stripe's JSON, with errors that name the object, its id and the path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

Json = Mapping[str, Any]

FINEST: Final = 12
"""Decimals that Stripe's exact amounts have at most."""

LARGEST: Final = 10**15
"""More than any amount or instant can be; what is larger is a mistake, and would be one to compute with."""


DEEPEST: Final = 50
"""Levels of objects and lists within each other that are read; Stripe's own have some ten."""

LONGEST_NAME: Final = 100
"""Characters of a kind or an id that an error shows."""

MOST_METADATA: Final = 50
LONGEST_METADATA: Final = 500
"""How many texts can be attached to an object, and of how many characters."""


class UnreadableStripeObject(ValueError):
    """A field that matters is missing or has the wrong type.

    The message names object, id and path but never a value: values may be personal.
    """

    def __init__(self, kind: str, object_id: str, path: str, problem: str) -> None:
        super().__init__(f"{kind} {object_id}: {path} {problem}")
        self.kind = kind
        self.object_id = object_id
        self.path = path
        self.problem = problem

    def public(self) -> dict[str, str]:
        """As JSON: which object it is, and what is wrong with it."""
        return {"kind": self.kind, "id": self.object_id, "problem": f"{self.path} {self.problem}"}


class Node:
    """One JSON object inside a Stripe object, aware of where it is.

    `required_*` raise where the value is absent or null; the others answer None. All raise where it is
    there with another type.
    """

    def __init__(self, value: Any, kind: str, object_id: str, path: str = "") -> None:
        self._kind, self._id, self._path = kind, object_id, path
        if not isinstance(value, dict):
            raise self._error("", f"should be an object, not {_type_name(value)}")
        self._value: Json = value

    @classmethod
    def top(cls, value: Any, kind: str) -> Node:
        """The object itself; its id is read here so that every later error can name it."""
        node = cls(value, kind, name_of(value))
        node.required_text("id")
        return node

    def __contains__(self, name: str) -> bool:
        return self._value.get(name) is not None

    def text(self, name: str) -> str | None:
        value: str | None = self._typed(name, str, "text")
        return value

    def required_text(self, name: str) -> str:
        text = self.text(name)
        if not text:
            raise self._error(name, "is missing")
        return text

    def integer(self, name: str) -> int | None:
        number: int | None = self._typed(name, int, "an integer")
        if number is None:
            return None
        if isinstance(number, bool):
            raise self._error(name, "should be an integer, not a boolean")
        if abs(number) > LARGEST:
            raise self._error(name, "is larger than any amount or instant")
        return number

    def required_integer(self, name: str) -> int:
        value = self.integer(name)
        if value is None:
            raise self._error(name, "is missing")
        return value

    def boolean(self, name: str) -> bool | None:
        value: bool | None = self._typed(name, bool, "a boolean")
        return value

    def decimal(self, name: str) -> Decimal | None:
        """Stripe writes decimals as text ("1250.5"); integers are accepted too."""
        return self._decimal(name, str, int)

    def percentage(self, name: str) -> Decimal | None:
        """Stripe writes percentages as JSON numbers (12.5): taken by their digits, which are exact, and not
        by the binary number nearest to them."""
        return self._decimal(name, str, int, float)

    def is_text(self, name: str, text: str) -> bool:
        """Whether the value is exactly this text; for words that Stripe mixes with numbers."""
        value = self._value.get(name)
        return isinstance(value, str) and value == text

    def texts(self, name: str) -> dict[str, str]:
        """What a company attaches to an object: texts by name; empty where absent."""
        return attached(self._typed(name, dict, "an object") or {})

    def node(self, name: str) -> Node | None:
        value = self._value.get(name)
        return None if value is None else Node(value, self._kind, self._id, self._join(name))

    def only(self, *names: str) -> Node:
        """The same object with no more than these of its values."""
        kept = {name: self._value[name] for name in names if name in self._value}
        return Node(kept, self._kind, self._id, self._path)

    def expanded(self, name: str) -> Node | None:
        """A reference that Stripe expanded into the object; None where it is just an id, or absent."""
        value = self._value.get(name)
        return None if value is None or isinstance(value, str) else self.node(name)

    def reference(self, name: str) -> str | None:
        """The id that a reference points to, expanded or not."""
        value = self._value.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            return value or None
        return Node(value, self._kind, self._id, self._join(name)).required_text("id")

    def entries(self) -> list[tuple[str, Node]]:
        """The objects that it holds, by name."""
        return [(str(name), one) for name in self._value if (one := self.node(name)) is not None]

    def is_cut(self, name: str) -> bool:
        """Whether a Stripe list has more elements than it shows."""
        value = self._value.get(name)
        return isinstance(value, dict) and value.get("has_more") is True

    def nodes(self, name: str) -> list[Node]:
        """The objects of a Stripe list (`{"data": [...]}`) or of a plain array; empty where absent."""
        return [self._element(name, index, one) for index, one in enumerate(self._array(name))]

    def elements(self, name: str) -> list[str | Node]:
        """What a list holds where ids and the objects they stand for may be mixed; empty where absent."""
        return [
            one if isinstance(one, str) else self._element(name, index, one)
            for index, one in enumerate(self._array(name))
        ]

    def references(self, name: str) -> list[str]:
        """The ids in a list of references, expanded or not."""
        return [one if isinstance(one, str) else one.required_text("id") for one in self.elements(name)]

    def _array(self, name: str) -> list[Any]:
        value = self._value.get(name)
        if isinstance(value, dict):
            value = value.get("data")
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._error(name, f"should be a list, not {_type_name(value)}")
        return value

    def _element(self, name: str, index: int, value: Any) -> Node:
        return Node(value, self._kind, self._id, f"{self._join(name)}[{index}]")

    def _decimal(self, name: str, *types: type) -> Decimal | None:
        value = self._value.get(name)
        if value is None:
            return None
        if isinstance(value, types):
            try:  # true and false are integers to Python, and no numbers in words
                number = Decimal(str(value))
            except InvalidOperation:
                number = Decimal("NaN")
            # `abs` would round, and has no room for every exponent that can be written.
            fits = number.is_finite() and number.copy_abs() < LARGEST
            if fits and int(number.as_tuple().exponent) >= -FINEST:
                return number
        raise self._error(name, "should be a decimal number")

    def _typed(self, name: str, wanted: type, wanted_name: str) -> Any:
        value = self._value.get(name)
        if value is not None and not isinstance(value, wanted):
            raise self._error(name, f"should be {wanted_name}, not {_type_name(value)}")
        return value

    def _join(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path and name else self._path or name

    def _error(self, name: str, problem: str) -> UnreadableStripeObject:
        return UnreadableStripeObject(self._kind, self._id, self._join(name) or "the object", problem)


def id_of(value: Any) -> str | None:
    """The id of what may not be an object, or not have one."""
    object_id = value.get("id") if isinstance(value, dict) else None
    return object_id if isinstance(object_id, str) and object_id else None


def created_of(value: Any) -> int | None:
    """When an object was created; None where that cannot be read."""
    created = value.get("created") if isinstance(value, dict) else None
    is_instant = isinstance(created, int) and not isinstance(created, bool) and abs(created) <= LARGEST
    return created if is_instant else None


def last_id(objects: Sequence[Any]) -> str | None:
    """The id after which a list goes on: the last one on its page that can be read."""
    return next((found for one in reversed(objects) if (found := id_of(one)) is not None), None)


def kind_of(value: Any) -> str:
    """What an error calls an object of that kind."""
    kind = value.get("object") if isinstance(value, dict) else None
    return _shown(kind) if isinstance(kind, str) and kind else "object"


def name_of(value: Any) -> str:
    """What an error calls an object: its id."""
    object_id = id_of(value)
    return "(no id)" if object_id is None else _shown(object_id)


def _shown(name: str) -> str:
    """A name that can stand in any log and message: control characters and half surrogates cannot."""
    name = name[:LONGEST_NAME]
    return name if name.isprintable() else "".join(one if one.isprintable() else "?" for one in name)


def refuse_too_deep(value: Any) -> None:
    """Raises where so much is nested that reading it could fail in other ways."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(DEEPEST + 1):
        level = [
            part
            for one in level
            for part in (one.values() if isinstance(one, dict) else one)
            if isinstance(part, (dict, list))
        ]
        if not level:
            return
    raise UnreadableStripeObject(kind_of(value), name_of(value), "the object", "is nested too deeply")


def attached(metadata: Json) -> dict[str, str]:
    """Metadata, within the limits that Stripe sets it: what is beyond them was not made by Stripe."""
    texts = {name: text for name, text in sorted(metadata.items()) if isinstance(text, str)}
    fitting = [name for name, text in texts.items() if len(text) <= LONGEST_METADATA]
    return {name: texts[name] for name in fitting[:MOST_METADATA]}


def digits(number: Decimal) -> str:
    """A decimal as its shortest plain text, so that two ways of writing one number compare as equal."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _type_name(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list"}
    return "null" if value is None else names.get(type(value), "an object")
