"""Stripe products."""

from __future__ import annotations

from typing import Any, TypedDict

from peoplesync.domain.stripe_objects.reading import Node


class Product(TypedDict):
    """What peoplesync keeps of a product: not its picture."""

    id: str
    name: str
    metadata: dict[str, str]


def read_product(value: Any) -> Product | None:
    """A product, or None where Stripe only says that it was deleted."""
    product = Node.top(value, "product")
    if product.boolean("deleted") and "name" not in product:
        return None
    return Product(
        id=product.required_text("id"),
        name=product.required_text("name"),
        metadata=product.texts("metadata"),
    )
