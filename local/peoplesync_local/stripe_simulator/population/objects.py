"""The population's objects as they were at any instant, made from the lives of their subscriptions."""

from __future__ import annotations

from peoplesync_local.stripe_simulator.billing.billing_modes import CLASSIC, FLEXIBLE
from peoplesync_local.stripe_simulator.objects import offers as stripe_offers
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.population.catalogue import Offer, Offers
from peoplesync_local.stripe_simulator.population.ids import customer_id, of_subscription, pair
from peoplesync_local.stripe_simulator.population.lives import Draw, Life
from peoplesync_local.stripe_simulator.requests.cancellations import FEEDBACK

_COUNTRIES = {"usd": "US", "eur": "DE", "jpy": "JP", "kwd": "KW"}
_SAME_EMAIL, _NO_NAME, _DECLINED = 8, 10, 6
"""Shares of 256: of customers with another one's e-mail, without a name, with a card that will be
declined."""

_TIERS = ("bronze", "silver", "gold")
_NO_TIER = 16
"""Of 256: customers without a tier."""

FLEXIBLE_SINCE = 1_759_190_400
"""2025-09-30, when flexible billing became the default."""

_SAY_WHY = 96
"""Of 256: those who say in the portal why they leave."""

_NOT_ASKED: StripeObject = {"comment": None, "feedback": None, "reason": None}
_LEFT: StripeObject = _NOT_ASKED | {"reason": "cancellation_requested"}
_NOT_PAID: StripeObject = _NOT_ASKED | {"reason": "payment_failed"}
_NOT_PAUSED: StripeObject = {"paused": None}


class Objects:
    """Makes customers and subscriptions. `at` is the instant of which they are shown; a customer's `lives`
    are those of its subscriptions."""

    def __init__(self, offers: Offers, *, livemode: bool) -> None:
        self._offers = offers
        self._livemode = livemode

    def customer(self, draw: Draw, created: int, lives: list[Life], at: int) -> StripeObject:
        number = draw.number
        currency = lives[0].offer.price["currency"] if lives else None
        country = _COUNTRIES.get(currency or "usd")
        address = {
            "city": f"Town {number % 97}",
            "country": country,
            "line1": f"{1 + number % 300} Example Street",
            "postal_code": f"{10_000 + number % 89_999}",
        }
        return stripe_objects.customer(
            customer_id(draw),
            created=created,
            email=email_of(draw),
            name=None if draw.bytes[28] < _NO_NAME else f"Customer {number}",
            phone=f"+1555{number:07}" if draw.bytes[29] < 64 else None,
            description=f"Synthetic customer {number}" if draw.bytes[29] > 200 else None,
            address=address if draw.bytes[30] < 128 else None,
            delinquent=any(life.is_delinquent(at) for life in lives),
            currency=currency,
            livemode=self._livemode,
            metadata=_attached(draw),
            invoice_prefix=draw.bytes[23:27].hex().upper(),
            invoice_settings={
                "custom_fields": None,
                "default_payment_method": _method(draw, lives),
                "footer": None,
                "rendering_options": None,
            },
        )

    def subscription(self, life: Life, at: int) -> StripeObject:
        status, draw, series = life.status(at), life.draw, life.series
        ended, requested = life.ended_at, life.requested_at
        is_ended = ended is not None and ended <= at
        is_asked = requested is not None and requested <= at
        details: StripeObject = _NOT_ASKED
        flexible = is_flexible(life)
        if is_asked:
            details = _left(draw) if flexible else _LEFT
        elif status == "canceled":
            details = _NOT_PAID
        subscription_id = of_subscription("sub", draw, series)
        pause = _NOT_PAUSED
        if status == "paused":
            why = {"type": "trial_end_without_payment_method"}
            paused = {"subscription": why, "transitioned_at": life.trial_end, "type": "subscription"}
            pause = {"paused": paused}
        canceled_at = requested if is_asked else ended if status == "canceled" else None
        return stripe_objects.subscription(
            subscription_id,
            customer=customer_id(draw),
            items=self._items(life, subscription_id, at),
            created=life.created,
            status=status,
            trial_start=life.created if life.trial_end else None,
            trial_end=life.trial_end,
            cancel_at_period_end=is_asked and not flexible,
            canceled_at=canceled_at,
            ended_at=ended if is_ended else None,
            latest_invoice=self.invoice_id(life, latest_invoice(life, at)),
            livemode=self._livemode,
            billing_cycle_anchor=life.renewal(0),
            billing_mode=FLEXIBLE if flexible else CLASSIC,
            cancel_at=period(life, at)[1] if is_asked else None,
            metadata={"seats": str(life.quantity)},
            cancellation_details=details,
            discounts=[of_subscription("di", draw, series)] if is_discounted(life, at) else [],
            status_details=pause,
            trial_settings=_PAUSING if life.course == "paused" else _CHARGING,
        )

    def discount(self, life: Life) -> StripeObject:
        """The subscription's discount, for subscriptions that have or had one."""
        return stripe_offers.discount(
            of_subscription("di", life.draw, life.series),
            coupon=life.discounted or "",
            customer=customer_id(life.draw),
            start=life.created,
            end=life.discount_end,
            subscription=of_subscription("sub", life.draw, life.series),
        )

    def invoice_id(self, life: Life, number: int) -> str:
        return of_subscription("in", life.draw, life.series, pair(number))

    def items_of(self, life: Life) -> list[tuple[Offer, int | None]]:
        """What the subscription has: each offer and its quantity, None for metered ones."""
        main: list[tuple[Offer, int | None]] = [(life.offer, life.quantity)]
        return [*main, (self._offers.second, None)] if life.calls else main

    def _items(self, life: Life, subscription_id: str, at: int) -> list[StripeObject]:
        start, end = period(life, at)
        items = []
        for index, (offer, quantity) in enumerate(self.items_of(life)):
            item: StripeObject = {
                "id": of_subscription("si", life.draw, life.series, str(index)),
                "object": "subscription_item",
                "billing_thresholds": None,
                "created": life.created,
                "current_period_end": end,
                "current_period_start": start,
                "discounts": [],
                "metadata": {},
                "plan": offer.plan,
                "price": offer.price,
                "subscription": subscription_id,
                "tax_rates": [],
            }
            if quantity is not None:
                item["quantity"] = quantity
            items.append(item)
        return items


_CHARGING = {"end_behavior": {"missing_payment_method": "create_invoice"}}
_PAUSING = {"end_behavior": {"missing_payment_method": "pause"}}


def _attached(draw: Draw) -> StripeObject:
    """What the company keeps of its customers at Stripe: most have a tier, some a date of renewal, of which a
    few were written by hand."""
    chance = draw.bytes[30]
    tier = {} if chance < _NO_TIER else {"tier": _TIERS[chance % len(_TIERS)]}
    if chance % 4:
        return tier
    by_hand = draw.number % 50 == 0
    return tier | {"contract_until": "end of June" if by_hand else f"2027-{1 + chance % 12:02}-01"}


def email_of(draw: Draw) -> str:
    """`customer-000123@example.com`; some have the address of a customer before them."""
    shared = draw.bytes[31] < _SAME_EMAIL
    return f"customer-{draw.number // 2 if shared else draw.number:06}@example.com"


def is_flexible(life: Life) -> bool:
    """Whether the subscription is billed flexibly, as all are since that is the default."""
    return life.created >= FLEXIBLE_SINCE


def _left(draw: Draw) -> StripeObject:
    """What somebody said in the portal; most say nothing."""
    chance = draw.bytes[1]
    return _LEFT | {"feedback": FEEDBACK[chance % len(FEEDBACK)] if chance < _SAY_WHY else None}


def renewals(life: Life, at: int) -> int:
    """How many periods began by renewal until then; what ends the subscription does not renew it."""
    stops = life.stops_at()
    return life.renewals_until(at if stops is None else min(at, stops - 1))


def period(life: Life, at: int) -> tuple[int, int]:
    """The current period's start and end."""
    trial_end = life.trial_end
    if trial_end is not None and (at < trial_end or life.stops_at() == trial_end):
        return (life.created, trial_end)
    begun = renewals(life, at)
    return (life.renewal(begun - 1) if begun else life.starts, life.renewal(begun))


def latest_invoice(life: Life, at: int) -> int:
    """The number of the latest invoice: 0 for the sign-up's, 1 for the one at the trial's end, then the
    renewals'."""
    begun = renewals(life, at)
    if begun:
        return begun + 1
    trial_end = life.trial_end
    return 1 if trial_end is not None and trial_end <= at and life.stops_at() != trial_end else 0


def is_discounted(life: Life, at: int) -> bool:
    """Whether the subscription shows its discount: one that ended goes, but not from what ended before."""
    if life.discounted is None:
        return False
    end, stops = life.discount_end, life.stops_at()
    return end is None or at < end or (stops is not None and stops <= end)


def _method(draw: Draw, lives: list[Life]) -> str | None:
    if any(life.course == "paused" for life in lives) or not lives:
        return None
    chance = draw.bytes[23:27].hex()
    is_declined = draw.bytes[28] > 255 - _DECLINED or any(life.course == "incomplete" for life in lives)
    return f"pm_{chance}_chargeDeclined" if is_declined else f"pm_{chance}"
