"""The items of a subscription as a request asks for them, and what a change in them costs."""

from __future__ import annotations

from peoplesync_local.stripe_simulator.account.showing import plain
from peoplesync_local.stripe_simulator.account.timetable import Timetable
from peoplesync_local.stripe_simulator.billing.discounts import Discounts
from peoplesync_local.stripe_simulator.billing.invoices import Billing
from peoplesync_local.stripe_simulator.billing.pricing import currency_options, is_metered, share
from peoplesync_local.stripe_simulator.billing.trial_offers import TrialOffers
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject, plan_of
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params
from peoplesync_local.stripe_simulator.parameters.params import entries, metadata, number, part, text, truth
from peoplesync_local.stripe_simulator.requests.catalogue import Catalogue

MOST_ITEMS = 20


class Items:
    """Reads `items[...]`. No event is recorded yet: once the whole request was found to be right, `record`
    does that for the items' discounts."""

    def __init__(
        self,
        timetable: Timetable,
        catalogue: Catalogue,
        offers: TrialOffers,
        discounts: Discounts,
        billing: Billing,
    ) -> None:
        self._timetable = timetable
        self._account = timetable.account
        self._catalogue = catalogue
        self._offers = offers
        self._discounts = discounts
        self._billing = billing
        self._begun: list[StripeObject] = []
        self._gone: list[str] = []

    def of_new(
        self, params: Params, subscription: str, customer: StripeObject, at: int
    ) -> tuple[list[StripeObject], str]:
        """The items of a new subscription, each in a period that is still to be set, and the currency they
        are billed in: the one asked for, or the customer's, or else that of the prices."""
        asked = entries(params, "items")
        self._begun, self._gone = [], []
        if not asked:
            raise InvalidRequest("Missing required param: items.", param="items", code="parameter_missing")
        if len(asked) > MOST_ITEMS:
            raise InvalidRequest(f"A subscription can have at most {MOST_ITEMS} items.", param="items")
        items = [
            self._new(entry, f"items[{index}]", subscription, customer["id"], at)
            for index, entry in enumerate(asked)
        ]
        currency = self._currency(items, text(params, "currency"), customer["currency"])
        self._discounts.check_currency(self._begun, currency)
        return items, currency

    def after(self, params: Params, subscription: StripeObject, at: int) -> list[StripeObject]:
        """The items after an update. Those that begin a new period have none yet (theirs starts and ends at
        `at`): new ones, and those whose price has another interval."""
        items = {item["id"]: item for item in subscription["items"]["data"]}
        self._begun, self._gone = [], []
        for index, entry in enumerate(entries(params, "items")):
            name = f"items[{index}]"
            if "id" not in entry:
                new = self._new(entry, name, subscription["id"], subscription["customer"], at)
                items[new["id"]] = new
                continue
            held = items.get(entry["id"])
            if held is None:
                message = f"Subscription item {entry['id']} does not belong to {subscription['id']}."
                raise InvalidRequest(message, param=f"{name}[id]")
            if truth(entry, "deleted"):
                del items[entry["id"]]
            else:
                items[entry["id"]] = self._changed(held, entry, name, subscription, at)
        if not items:
            message = "A subscription must have at least one active item."
            raise InvalidRequest(message, param="items")
        self._currency(list(items.values()), subscription["currency"])
        self._discounts.check_currency(self._begun, subscription["currency"])
        return list(items.values())

    def record(self, at: int) -> None:
        """Record the events of the discounts that the items of the last request got and lost."""
        for discount_id in self._gone:
            self._discounts.finish(discount_id, at)
        self._discounts.begin(self._begun, at)
        self._begun, self._gone = [], []

    def prorations(self, before: StripeObject, after: StripeObject, at: int) -> list[StripeObject]:
        """The lines for what changed within a running period: unused time given back, remaining time asked
        for."""
        old = {item["id"]: item for item in before["items"]["data"]}
        new = {item["id"]: item for item in after["items"]["data"]}
        lines = []
        for item_id in old | new:
            had, has = old.get(item_id), new.get(item_id)
            if had and has and _same_terms(had, has):
                continue
            if had is not None and not is_metered(had["price"]):
                words = f"Unused time on {self._named(had)}"
                lines.append(self._proration(before, had, at, words, sign=-1))
            if has is not None and not is_metered(has["price"]) and has["current_period_start"] < at:
                words = f"Remaining time on {self._named(has)}"
                lines.append(self._proration(after, has, at, words, sign=1))
        return lines

    def _named(self, item: StripeObject) -> str:
        return f"{item.get('quantity', 0)} × {self._billing.name_of(item)}"

    def _proration(
        self, subscription: StripeObject, item: StripeObject, at: int, description: str, *, sign: int
    ) -> StripeObject:
        start, end = item["current_period_start"], item["current_period_end"]
        amount = sign * share(self._billing.cost_of(subscription, item), end - at, end - start)
        return self._billing.line(
            subscription, item, amount=amount, period=(at, end), description=description, proration=True
        )

    def _new(self, entry: Params, name: str, subscription: str, customer: str, at: int) -> StripeObject:
        item_id = self._account.new_id("si")
        price, on_trial = self._on_trial(entry, name, at) or (self._price(entry, name), {})
        item = stripe_objects.item(
            item_id,
            subscription=subscription,
            price=price,
            period=(at, at),
            created=at,
            metadata=metadata({}, entry),
            **on_trial,
        )
        asked = self._discounts.asked_for(entry)
        redeemed = self._discounts.redeem(
            asked or [], at, customer=customer, subscription=subscription, subscription_item=item_id
        )
        self._begun += redeemed
        item["discounts"] = [discount["id"] for discount in redeemed]
        return _with_quantity(item, entry, name)

    def _changed(
        self, held: StripeObject, entry: Params, name: str, subscription: StripeObject, at: int
    ) -> StripeObject:
        item = held | {"metadata": metadata(held["metadata"], entry)}
        on_trial = self._on_trial(entry, name, at)
        if on_trial or "price" in entry or "price_data" in entry:
            price, trial = on_trial or (self._price(entry, name), {})
            item = {key: value for key, value in item.items() if key != "current_trial"}
            item |= {"price": price, "plan": plan_of(price)} | trial
            if _interval(price) != _interval(held["price"]):
                item |= {"current_period_start": at, "current_period_end": at}
        asked = self._discounts.asked_for(entry)
        if asked is not None:
            redeemed = self._discounts.redeem(
                asked,
                at,
                customer=subscription["customer"],
                subscription=subscription["id"],
                subscription_item=held["id"],
                held=held["discounts"],
            )
            self._begun += redeemed
            item["discounts"] = [discount["id"] for discount in redeemed]
            self._gone += [one for one in held["discounts"] if one not in item["discounts"]]
        return _with_quantity(item, entry, name)

    def _currency(self, items: list[StripeObject], asked: str | None, preferred: str | None = None) -> str:
        """The currency in which all items can be billed; it must be the one `asked` for."""
        supported = [currency_options(self._billing.full_price(item)).keys() for item in items]
        wanted = asked.lower() if asked else items[0]["price"]["currency"]
        if not asked and preferred and all(preferred in each for each in supported):
            wanted = preferred
        for index, each in enumerate(supported):
            if wanted in each:
                continue
            message = "All prices on a subscription must have the same `currency`."
            if asked:
                message = f"The price specified only supports `{'`, `'.join(sorted(each))}`. "
                message += f"This doesn't match the expected currency: `{wanted}`."
            raise InvalidRequest(message, param=f"items[{index}][price]")
        return wanted

    def _on_trial(self, entry: Params, name: str, at: int) -> tuple[StripeObject, StripeObject] | None:
        """The price and `current_trial` of an item that takes a trial offer up; None: it takes none."""
        offer = part(entry, "current_trial").get("trial_offer")
        if not offer:
            return None
        param = f"{name}[current_trial][trial_offer]"
        price, trial = self._offers.begin(offer, text(entry, "price"), at, param)
        return price, {"current_trial": trial}

    def _price(self, entry: Params, name: str) -> StripeObject:
        if "price_data" in entry:
            price = self._catalogue.create_price(part(entry, "price_data"))
        else:
            price_id = entry.get("price") or ""
            if not price_id:
                message = f"Missing required param: {name}[price]."
                raise InvalidRequest(message, param=f"{name}[price]", code="parameter_missing")
            price = self._timetable.existing("price", price_id, f"{name}[price]")
        if price["recurring"] is None:
            message = "The price specified is set to `type=one_time` but this field only accepts prices with "
            raise InvalidRequest(message + "`type=recurring`.", param=f"{name}[price]")
        return plain(price)


def _with_quantity(item: StripeObject, entry: Params, name: str) -> StripeObject:
    quantity = number(entry, "quantity", item.get("quantity", 1))
    if is_metered(item["price"]):
        if "quantity" in entry:
            raise InvalidRequest("Metered prices have no quantity.", param=f"{name}[quantity]")
        return {key: value for key, value in item.items() if key != "quantity"}
    if quantity is None or quantity < 0:
        message = "This value must be greater than or equal to 0."
        raise InvalidRequest(message, param=f"{name}[quantity]")
    return item | {"quantity": quantity}


def _interval(price: StripeObject) -> tuple[str, int]:
    return (price["recurring"]["interval"], price["recurring"]["interval_count"])


def _same_terms(one: StripeObject, other: StripeObject) -> bool:
    return bool(one["price"]["id"] == other["price"]["id"] and one.get("quantity") == other.get("quantity"))
