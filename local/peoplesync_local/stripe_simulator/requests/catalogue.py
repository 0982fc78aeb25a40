"""Products, prices and coupons, by request."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from peoplesync_local.stripe_simulator.account.showing import plain
from peoplesync_local.stripe_simulator.account.timetable import Timetable
from peoplesync_local.stripe_simulator.objects import offers as stripe_offers
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject, plan_of
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params, listed, whole
from peoplesync_local.stripe_simulator.parameters.params import (
    changed_texts,
    choice,
    entries,
    metadata,
    number,
    part,
    positive,
    required,
    text,
    truth,
)

INTERVALS = ("day", "week", "month", "year")


class Catalogue:
    """What the account sells."""

    def __init__(self, timetable: Timetable) -> None:
        self._timetable = timetable
        self._account = timetable.account

    def create_product(self, params: Params) -> StripeObject:
        at = self._timetable.now()
        product = stripe_offers.product(
            params.get("id") or self._account.new_id("prod"),
            name=required(params, "name"),
            created=at,
            livemode=self._account.livemode,
            active=truth(params, "active", default=True),
            description=text(params, "description"),
            metadata=metadata({}, params),
            statement_descriptor=text(params, "statement_descriptor"),
            unit_label=text(params, "unit_label"),
        )
        self._timetable.happens("product.created", product, at)
        if "default_price_data" in params:
            price = self.create_price(part(params, "default_price_data") | {"product": product["id"]})
            product = self._timetable.put(product | {"default_price": price["id"]})
        return product

    def update_product(self, id: str, params: Params) -> StripeObject:  # noqa: A002 - Stripe's name
        at = self._timetable.now()
        product = self._timetable.existing("product", id)
        changed = changed_texts(
            params, "name", "description", "default_price", "statement_descriptor", "unit_label"
        )
        if "active" in params:
            changed["active"] = truth(params, "active")
        changed |= {"metadata": metadata(product["metadata"], params), "updated": at}
        return self._timetable.happens("product.updated", product | changed, at)

    def delete_product(self, id: str) -> StripeObject:  # noqa: A002 - Stripe's name
        product = self._timetable.existing("product", id)
        if any(price["product"] == id for price in self._account.newest_first("price")):
            raise InvalidRequest("This product cannot be deleted because it has one or more prices.")
        return self._delete(product)

    def create_price(self, params: Params) -> StripeObject:
        at = self._timetable.now()
        product = params.get("product")
        if not product:
            if "product_data" not in params:
                required(params, "product")
            product = self.create_product(part(params, "product_data"))["id"]
        self._timetable.existing("product", product, "product")
        currency = required(params, "currency").lower()
        price = stripe_objects.price(
            self._account.new_id("price"),
            product=product,
            created=at,
            livemode=self._account.livemode,
            currency=currency,
            nickname=text(params, "nickname"),
            unit_amount=None,
            interval=None,
        )
        price |= _amounts(params) | self._recurring(params)
        if options := _currency_options(params):
            price["currency_options"] = options
        price |= {
            "active": truth(params, "active", default=True),
            "lookup_key": text(params, "lookup_key"),
            "metadata": metadata({}, params),
            "tax_behavior": params.get("tax_behavior", "unspecified"),
        }
        self._timetable.happens("price.created", price, at)
        if price["recurring"]:
            self._account.happens("plan.created", plan_of(price) or {}, at)
        return price

    def update_price(self, id: str, params: Params) -> StripeObject:  # noqa: A002 - Stripe's name
        at = self._timetable.now()
        price = self._timetable.existing("price", id)
        changed = changed_texts(params, "nickname", "lookup_key")
        if "active" in params:
            changed["active"] = truth(params, "active")
        if options := _currency_options(params):
            changed["currency_options"] = price.get("currency_options", {}) | options
        price = price | changed | {"metadata": metadata(price["metadata"], params)}
        self._timetable.happens("price.updated", price, at)
        if price["recurring"]:
            self._account.happens("plan.updated", plan_of(plain(price)) or {}, at)
        return price

    def create_coupon(self, params: Params) -> StripeObject:
        at = self._timetable.now()
        coupon_id = params.get("id") or self._account.new_id("coupon").removeprefix("coupon_")
        held = self._account.get("coupon", coupon_id)
        if held is not None and not held.get("deleted"):
            raise InvalidRequest("Coupon already exists.", param="id", code="resource_already_exists")
        percent_off = _percentage(params)
        amount_off = number(params, "amount_off")
        if (percent_off is None) == (amount_off is None):
            raise InvalidRequest("You must pass either percent_off or amount_off, and not both.")
        duration = choice(params, "duration", ("forever", "once", "repeating"), "once")
        months = positive(params, "duration_in_months") if duration == "repeating" else None
        currency = required(params, "currency").lower() if amount_off is not None else None
        further: StripeObject = {}
        if amount_off is not None and currency is not None and "currency_options" in params:
            further["currency_options"] = {currency: {"amount_off": amount_off}, **_amounts_off(params)}
        coupon = stripe_offers.coupon(
            coupon_id,
            created=at,
            percent_off=percent_off,
            amount_off=amount_off,
            currency=currency,
            duration=duration,
            duration_in_months=months,
            products=listed(part(params, "applies_to"), "products"),
            livemode=self._account.livemode,
            max_redemptions=number(params, "max_redemptions"),
            metadata=metadata({}, params),
            name=text(params, "name"),
            redeem_by=number(params, "redeem_by"),
            **further,
        )
        return self._timetable.happens("coupon.created", coupon, at)

    def update_coupon(self, id: str, params: Params) -> StripeObject:  # noqa: A002 - Stripe's name
        coupon = self._timetable.existing("coupon", id)
        changed = changed_texts(params, "name") | {"metadata": metadata(coupon["metadata"], params)}
        if coupon["amount_off"] is not None and "currency_options" in params:
            default = {coupon["currency"]: {"amount_off": coupon["amount_off"]}}
            known = coupon.get("currency_options", default)
            changed["currency_options"] = known | _amounts_off(params)
        return self._timetable.happens("coupon.updated", coupon | changed, self._timetable.now())

    def delete_coupon(self, id: str) -> StripeObject:  # noqa: A002 - Stripe's name
        return self._delete(self._timetable.existing("coupon", id))

    def _delete(self, shown: StripeObject) -> StripeObject:
        kind = shown["object"]
        self._account.happens(f"{kind}.deleted", shown, self._timetable.now())
        return {"id": shown["id"], "object": kind, "deleted": True}

    def _recurring(self, params: Params) -> StripeObject:
        if "recurring" not in params:
            return {}
        given = part(params, "recurring")
        recurring = {
            "interval": choice(given, "interval", INTERVALS, ""),
            "interval_count": positive({"interval_count": "1"} | given, "interval_count"),
            "meter": text(given, "meter"),
            "trial_period_days": number(given, "trial_period_days"),
            "usage_type": choice(given, "usage_type", ("licensed", "metered"), "licensed"),
        }
        return {"recurring": recurring, "type": "recurring"}


def _amounts(params: Params) -> StripeObject:
    tiers = [_tier(entry) for entry in entries(params, "tiers")]
    transform = part(params, "transform_quantity")
    shown: StripeObject = {
        "transform_quantity": {
            "divide_by": positive(transform, "divide_by"),
            "round": choice(transform, "round", ("up", "down"), ""),
        }
        if transform
        else None
    }
    if tiers or params.get("billing_scheme") == "tiered":
        if not tiers or tiers[-1]["up_to"] is not None:
            raise InvalidRequest("The last tier must have `up_to` set to `inf`.", param="tiers")
        mode = choice(params, "tiers_mode", ("graduated", "volume"), "")
        return shown | {"billing_scheme": "tiered", "tiers_mode": mode, "tiers": tiers}
    return shown | _amount(params, "unit_amount", must=True)


def _currency_options(params: Params) -> StripeObject:
    """What a price costs in further currencies: amounts, or tiers of their own."""
    options: StripeObject = {}
    for currency, entry in part(params, "currency_options").items():
        tiers = [_tier(each) for each in entries(entry, "tiers")]
        option: StripeObject = {
            "custom_unit_amount": None,
            "tax_behavior": entry.get("tax_behavior", "unspecified"),
            **_amount(entry, "unit_amount", must=not tiers),
        }
        options[currency.lower()] = option | ({"tiers": tiers} if tiers else {})
    return options


def _amounts_off(params: Params) -> StripeObject:
    """What a coupon takes off in further currencies."""
    options = part(params, "currency_options").items()
    return {currency.lower(): {"amount_off": positive(entry, "amount_off")} for currency, entry in options}


def _tier(entry: Params) -> StripeObject:
    last = required(entry, "up_to")
    amounts = _amount(entry, "unit_amount") | _amount(entry, "flat_amount")
    return {"up_to": None if last == "inf" else whole(last, "tiers[up_to]")} | amounts


def _amount(params: Params, name: str, *, must: bool = False) -> StripeObject:
    """An amount in the minor unit, given whole or with fractions as `…_decimal`."""
    exact = params.get(f"{name}_decimal") or params.get(name)
    if exact is None:
        if must:
            required(params, name)
        return {name: None, f"{name}_decimal": None}
    try:
        value = Decimal(exact)
    except InvalidOperation:
        raise InvalidRequest(f"Invalid decimal: {exact}", param=name) from None
    is_whole = value == value.to_integral_value()
    return {name: int(value) if is_whole else None, f"{name}_decimal": str(exact)}


def _percentage(params: Params) -> float | None:
    if not params.get("percent_off"):
        return None
    try:
        percent = float(params["percent_off"])
    except ValueError:
        raise InvalidRequest(f"Invalid decimal: {params['percent_off']}", param="percent_off") from None
    if not 0 < percent <= 100:
        raise InvalidRequest("percent_off must be greater than 0 and at most 100.", param="percent_off")
    return percent
