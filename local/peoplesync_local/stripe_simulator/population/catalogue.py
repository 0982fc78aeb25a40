"""What the population's company sells: a small catalogue of products, prices and coupons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from peoplesync_local.stripe_simulator.account.showing import plain
from peoplesync_local.stripe_simulator.billing.pricing import is_metered
from peoplesync_local.stripe_simulator.objects import offers as stripe_offers
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.offers import tier
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject, plan_of

WELCOME, PARTNER = "WELCOME50", "PARTNER20"
WELCOME_MONTHS = 3

_PRODUCTS = {
    "prod_starter": "Starter",
    "prod_team": "Team",
    "prod_business": "Business",
    "prod_storage": "Storage",
    "prod_calls": "API calls",
}
_USAGE = ("prod_storage", "prod_calls")
_GRADUATED = (
    tier(5, unit_amount=0, flat_amount=9900),
    tier(20, unit_amount=1500),
    tier(None, unit_amount=900),
)
_VOLUME = (tier(10, unit_amount=2000), tier(50, unit_amount=1600), tier(None, unit_amount=1200))


@dataclass(frozen=True)
class Offer:
    """A price as items show it, with its plan; `seats` is the largest quantity that is bought of it, `share`
    how often it is bought, in per mille; `step` its interval in months."""

    full: StripeObject
    price: StripeObject
    plan: StripeObject
    seats: int
    share: int
    step: int
    metered: bool
    product_name: str


class Offers:
    """The catalogue of a population whose first day is `since`."""

    def __init__(self, since: int, *, livemode: bool) -> None:
        self.products = [
            stripe_offers.product(
                product,
                name=name,
                created=since + number,
                livemode=livemode,
                metadata={"family": "usage" if product in _USAGE else "seats"},
            )
            for number, (product, name) in enumerate(_PRODUCTS.items())
        ]
        self.coupons = [
            stripe_offers.coupon(
                WELCOME,
                created=since + 30,
                percent_off=50.0,
                duration="repeating",
                duration_in_months=WELCOME_MONTHS,
                name="Half price for three months",
                livemode=livemode,
            ),
            stripe_offers.coupon(
                PARTNER, created=since + 31, percent_off=20.0, name="Partners", livemode=livemode
            ),
        ]
        self._since, self._livemode = since + 10, livemode
        self.main = [
            self._offer("starter_monthly", 1900, share=80),
            self._offer("starter_yearly", 19_000, interval="year", share=320),
            self._offer("team_monthly", 4900, seats=12, share=60),
            self._offer("team_yearly", 49_000, seats=20, interval="year", share=310),
            self._offer("business_monthly", None, seats=40, share=20, graduated=True),
            self._offer("business_yearly", 118_800, interval="year", share=70),
            self._offer("storage_monthly", 1000, seats=60, share=20, packages=10),
            self._offer("team_monthly_volume", None, seats=70, share=20, volume=True),
            self._offer("starter_monthly", 1800, currency="eur", share=40),
            self._offer("team_monthly", 4500, currency="eur", seats=9, share=30),
            self._offer("starter_monthly", 2500, currency="jpy", share=20),
            self._offer("team_monthly", 15_000, currency="kwd", seats=4, share=10),
        ]
        self.monthly = {
            yearly.price["id"]: monthly for monthly, yearly in pairwise(self.main) if yearly.step == 12
        }
        self.second = self._offer("calls_monthly", "0.5", share=0, metered=True)
        self.by_share = [offer for offer in self.main for _ in range(offer.share)]
        self.prices = [offer.full for offer in (*self.main, self.second)]

    def _offer(
        self,
        name: str,
        amount: int | str | None,
        *,
        share: int,
        currency: str = "usd",
        interval: str = "month",
        seats: int = 1,
        graduated: bool = False,
        volume: bool = False,
        packages: int | None = None,
        metered: bool = False,
    ) -> Offer:
        product = "prod_" + name.split("_")[0]
        words = name.replace("_", " ").capitalize()
        full = stripe_objects.price(
            f"price_{name}_{currency}",
            product=product,
            unit_amount=amount if isinstance(amount, int) else None,
            unit_amount_decimal=amount if isinstance(amount, str) else None,
            currency=currency,
            interval=interval,
            usage_type="metered" if metered else "licensed",
            nickname=words if currency == "usd" else f"{words} ({currency.upper()})",
            created=self._since,
            livemode=self._livemode,
        )
        self._since += 1
        if graduated or volume:
            full |= {
                "billing_scheme": "tiered",
                "tiers": list(_GRADUATED if graduated else _VOLUME),
                "tiers_mode": "graduated" if graduated else "volume",
            }
        if packages:
            full["transform_quantity"] = {"divide_by": packages, "round": "up"}
        price = plain(full)
        return Offer(
            full=full,
            price=price,
            plan=plan_of(price) or {},
            seats=seats,
            share=share,
            step=12 if interval == "year" else 1,
            metered=is_metered(full),
            product_name=_PRODUCTS[product],
        )
