"""One page of one of Stripe's lists, newest first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from peoplesync_local.stripe_simulator.account.account import Account, Position
from peoplesync_local.stripe_simulator.http.resources import Filter, Holds, Resource
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params, whole

DEFAULT_LIMIT = 10
MOST = 100
_COMMON = frozenset({"limit", "starting_after", "ending_before", "created", "expand"})


@dataclass(frozen=True)
class Range:
    """`gte <= created < lt`, both in Unix seconds; None: no bound."""

    gte: int | None = None
    lt: int | None = None


def page(
    account: Account,
    resource: Resource,
    params: Params,
    *,
    more_filters: Mapping[str, Filter] | None = None,
    not_before: int | None = None,
    visible: Holds | None = None,
    deleted_cursors: bool = True,
) -> tuple[list[StripeObject], bool]:
    """The objects that the parameters ask for, and whether there are more in that direction.

    `more_filters` are parameters beyond the resource's own; nothing created before `not_before` is shown,
    nor what is not `visible`; `deleted_cursors`: a page may begin after an object that was deleted.
    Raises `InvalidRequest` for a parameter that is unknown or wrong."""
    filters = {**resource.filters, **(more_filters or {})}
    for name in params:
        if name not in filters and name not in _COMMON:
            raise InvalidRequest(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
    limit = _limit(params)
    wanted = [make(params, name) for name, make in filters.items() if name in params]
    wanted += [holds for name, holds in resource.unless.items() if name not in params]
    if visible is not None:
        wanted.append(visible)
    window = _range(params, not_before)
    if "starting_after" in params and "ending_before" in params:
        raise InvalidRequest("You may only specify one of these parameters: starting_after, ending_before.")
    after = _cursor(account, resource, params, "starting_after", deleted_cursors)
    before = _cursor(account, resource, params, "ending_before", deleted_cursors)
    if before is not None:
        walk = account.oldest_first(resource.kind, after=before, gte=window.gte, lt=window.lt)
        shown, more = _first(walk, wanted, limit)
        return shown[::-1], more
    if "customer" in filters and isinstance(customer := params.get("customer"), str):
        walk = account.of_customer(resource.kind, customer, before=after, gte=window.gte, lt=window.lt)
    else:
        walk = account.newest_first(resource.kind, before=after, gte=window.gte, lt=window.lt)
    return _first(walk, wanted, limit)


def within(
    objects: Sequence[StripeObject], params: Params, words: str, *, filters: Collection[str] = ()
) -> tuple[list[StripeObject], bool]:
    """A page of a list that is within an object, in its own order; `words` is what a missing one is called.
    Raises `InvalidRequest` as `page` does."""
    for name in params:
        if name not in filters and name not in _COMMON - {"created"}:
            raise InvalidRequest(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
    limit, places = _limit(params), {shown["id"]: place for place, shown in enumerate(objects)}
    for name in ("starting_after", "ending_before"):
        if name in params and params[name] not in places:
            message = f"No such {words}: '{params[name]}'"
            raise InvalidRequest(message, param=name, code="resource_missing")
    if "ending_before" in params:
        end = places[params["ending_before"]]
        return list(objects[max(0, end - limit) : end]), end > limit
    start = places[params["starting_after"]] + 1 if "starting_after" in params else 0
    return list(objects[start : start + limit]), start + limit < len(objects)


def answer(objects: Iterable[StripeObject], has_more: bool, url: str) -> StripeObject:
    """A page as Stripe shows it."""
    return {"object": "list", "data": list(objects), "has_more": has_more, "url": url}


def _first(walk: Iterator[StripeObject], wanted: list[Holds], limit: int) -> tuple[list[StripeObject], bool]:
    if wanted:
        walk = (shown for shown in walk if all(holds(shown) for holds in wanted))
    found = list(islice(walk, limit + 1))
    return found[:limit], len(found) > limit


def _limit(params: Params) -> int:
    limit = whole(params.get("limit", DEFAULT_LIMIT), "limit")
    if limit < 1:
        raise InvalidRequest("This value must be greater than or equal to 1.", param="limit")
    if limit > MOST:
        raise InvalidRequest(f"This value must be less than or equal to {MOST}.", param="limit")
    return limit


def _range(params: Params, not_before: int | None) -> Range:
    created = params.get("created", {})
    if not isinstance(created, dict):
        instant = whole(created, "created")
        created = {"gte": str(instant), "lte": str(instant)}
    bounds = {name: whole(value, f"created[{name}]") for name, value in created.items()}
    if unknown := bounds.keys() - {"gt", "gte", "lt", "lte"}:
        name = f"created[{min(unknown)}]"
        raise InvalidRequest(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
    starts = [bounds[name] + more for name, more in (("gte", 0), ("gt", 1)) if name in bounds]
    ends = [bounds[name] + more for name, more in (("lt", 0), ("lte", 1)) if name in bounds]
    if not_before is not None:
        starts.append(not_before)
    return Range(max(starts, default=None), min(ends, default=None))


def _cursor(
    account: Account, resource: Resource, params: Params, name: str, deleted: bool
) -> Position | None:
    if name not in params:
        return None
    held = account.get(resource.kind, params[name])
    position = account.position(resource.kind, params[name])
    if held is not None and held.get("deleted") and not deleted:
        position = None
    if position is None:
        raise InvalidRequest(
            f"No such {resource.words}: '{params[name]}'", param=name, code="resource_missing"
        )
    return position
