"""JSON that Stripe would not send: a sound value in which some places hold something else."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any, Final

from hypothesis import strategies as st

SECRET: Final = "someone@private.example"
"""What no error may show: it stands only inside of what replaces a sound value."""


def nested(levels: int) -> dict[str, Any]:
    """Objects in objects under a name that readers look at, all of them with the secret."""
    inmost: dict[str, Any] = {}
    for _ in range(levels):
        inmost = {"object": inmost, "data": [SECRET], "discounts": [inmost]}
    return inmost


def _tower(levels: int, name: str) -> dict[str, Any]:
    tower: dict[str, Any] = {"id": "x"}
    for _ in range(levels):
        tower = {"id": "x_1", "object": "price", name: tower}
    return tower


REPLACEMENTS: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    5,
    -1,
    1.5,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "text",
    "1e9999999",
    "\ud800",
    "\x00",
    [],
    [None],
    [SECRET, 5],
    [[SECRET]],
    [{"id": SECRET[::-1]}],
    {},
    {"secret": SECRET},
    {"data": {"secret": SECRET}},
    {"data": [None, 5, {"secret": [SECRET]}]},
    {"id": 5, "object": {"data": {}}},
    {"id": "x_1", "object": {"data": {}}, "name": "Team"},
    {"id": {"secret": SECRET}, "object": [SECRET]},
    nested(3),
    _tower(1_000, "product"),
    _tower(1_000, "data"),
    _tower(1_000, "latest_invoice"),
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from _places(part, (*path, key))


@st.composite
def mutated(draw: st.DrawFn, samples: Sequence[Any]) -> Any:
    """One of the samples with one to three places replaced, left out, doubled or wrapped."""
    sample = draw(st.sampled_from(samples))
    value = {"all": copy.deepcopy(sample)}
    places = list(_places(sample))
    replaced: list[list[Any]] = []
    for _ in range(draw(st.integers(1, 3))):
        path: list[Any] = ["all", *draw(st.sampled_from(places))]
        way, last = path[:-1], path[-1]
        at: Any = value
        for step in way:
            at = at[step] if _has(at, step) else None
        if at is None or not _has(at, last) or any(path[: len(one)] == one for one in replaced):
            continue  # an earlier mutation has left no such place, or one that all the others share
        match draw(st.sampled_from(["replace", "replace", "replace", "leave out", "double", "wrap"])):
            case "leave out" if way:
                del at[last]
            case "double":
                at[last] = [at[last], copy.copy(at[last])]
            case "wrap":
                at[last] = {"data": [at[last]], "id": "x_1"}
            case _:
                at[last] = draw(st.sampled_from(REPLACEMENTS))
                replaced.append(path)
    return value["all"]


def _has(holder: Any, step: Any) -> bool:
    if isinstance(holder, dict):
        return step in holder
    return isinstance(holder, list) and isinstance(step, int) and step < len(holder)
