"""Records as earlier versions stored them, converted to today's form when they are read.

Until version 0.2 a snapshot held what its shape showed of its discounts, whole or by their ids, and an item
the price's own currency, also where another one is billed. Of its charges a record kept the newest payment
only, and nothing of refunds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from peoplesync.domain.stripe_objects.discounts import NAMELESS

Json = Mapping[str, Any]

_AS_OF, _EVENT, _RANK, _CONTENT = range(4)
_STATE: Final = 1


def as_stored_today(record: Json) -> Json:
    """A record's JSON as today's version would have stored it."""
    customer, subscriptions = record.get("customer"), record.get("subscriptions", {})
    slots = [*([customer] if customer else []), *subscriptions.values()]
    discounts = {name: _discount(kept) for name, kept in record.get("discounts", {}).items()}
    charge = record.get("last_charge")
    if charge and "refunded" not in charge[_CONTENT]:
        counted = {"status": "succeeded", "refunded": 0}
        record = {**record, "last_charge": _with_content(charge, {**charge[_CONTENT], **counted})}
    if not any(map(_is_earlier, slots)) and discounts == record.get("discounts", {}):
        return record
    shown: dict[str, list[Any]] = {}
    for slot in slots:
        for name, discount in _shown(slot[_CONTENT]):
            shown[name] = [slot[_AS_OF], slot[_EVENT], _STATE, discount]
    upgraded = {**record, "discounts": shown | discounts}
    if customer:
        upgraded["customer"] = _with_content(customer, _holder(customer[_CONTENT]))
    if subscriptions:
        upgraded["subscriptions"] = {
            name: _with_content(one, _subscription(one[_CONTENT])) for name, one in subscriptions.items()
        }
    return upgraded


def _is_earlier(slot: list[Any]) -> bool:
    content = slot[_CONTENT]
    holders = [content, *content.get("items", ())]
    return ("items" in content and "more_items" not in content) or any(
        not isinstance(one, str) for holder in holders for one in holder.get("discounts", ())
    )


def _shown(content: Json) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a snapshot of before shows of its discounts themselves."""
    subscription = content["id"] if "items" in content else None
    for item, holder in ((None, content), *((one["id"], one) for one in content.get("items", ()))):
        for one in holder.get("discounts", ()):
            if isinstance(one, Mapping) and one["coupon"] is not None:
                yield _name(one), _whole(one) | {"subscription": subscription, "item": item}


def _discount(kept: list[Any]) -> list[Any]:
    return kept if "once" in kept[_CONTENT] else _with_content(kept, _whole(kept[_CONTENT]))


def _whole(discount: Json) -> dict[str, Any]:
    terms = discount["terms"]
    if terms is not None and "options" not in terms:
        # No products meant all of them, or that Stripe had not shown any.
        terms = {**terms, "products": terms["products"] or None, "options": None}
    given = {"subscription": None, "item": None, "once": False}
    return {**given, **discount, "id": _name(discount), "terms": terms}


def _name(discount: Any) -> str:
    if isinstance(discount, str):
        return discount
    return discount["id"] or f"{NAMELESS}{discount['coupon']}:{discount['start']}"


def _holder(content: Json) -> dict[str, Any]:
    return {**content, "discounts": [_name(one) for one in content.get("discounts", ())]}


def _subscription(content: Json) -> dict[str, Any]:
    if "more_items" in content:
        return dict(content)
    currency = content.get("currency")
    items = [_item(one, currency) for one in content["items"]]
    return {**_holder(content), "items": items, "more_items": False}


def _item(item: Json, currency: str | None) -> dict[str, Any]:
    own = item["currency"]
    kept = {
        **_holder(item),
        "price_currency": own,
        "currency": currency or own,
        "options": None,
        "tiers": None,
    }
    return kept if own == kept["currency"] else kept | {"unit_amount": None}


def _with_content(slot: list[Any], content: Json) -> list[Any]:
    return [*slot[:_CONTENT], content]
