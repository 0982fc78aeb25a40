"""Stripe customers."""

from __future__ import annotations

from typing import Any, TypedDict

from peoplesync.domain.stripe_objects.discounts import discount_ids
from peoplesync.domain.stripe_objects.reading import Node


class Customer(TypedDict):
    """What peoplesync keeps of a Stripe customer. `email` is as Stripe has it, only trimmed. `discounts`
    are ids: they apply to all subscriptions that have none of their own; Stripe allows one."""

    id: str
    created: int
    email: str | None
    name: str | None
    phone: str | None
    description: str | None
    delinquent: bool
    city: str | None
    country: str | None
    line1: str | None
    line2: str | None
    postal_code: str | None
    state: str | None
    discounts: list[str]
    metadata: dict[str, str]


def read_customer(value: Any) -> Customer | None:
    """A customer, or None where Stripe only says that it was deleted (`{id, object, deleted}`)."""
    customer = Node.top(value, "customer")
    if customer.boolean("deleted") and "created" not in customer:
        return None
    address = customer.node("address") or Node({}, "customer", customer.required_text("id"), "address")
    return Customer(
        id=customer.required_text("id"),
        created=customer.required_integer("created"),
        email=(customer.text("email") or "").strip() or None,
        name=customer.text("name"),
        phone=customer.text("phone"),
        description=customer.text("description"),
        delinquent=bool(customer.boolean("delinquent")),
        city=address.text("city"),
        country=address.text("country"),
        line1=address.text("line1"),
        line2=address.text("line2"),
        postal_code=address.text("postal_code"),
        state=address.text("state"),
        discounts=discount_ids(customer),
        metadata=customer.texts("metadata"),
    )
