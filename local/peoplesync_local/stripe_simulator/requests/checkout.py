"""Checkout sessions: opened by request, completed by the customer, or expired by the clock."""

from __future__ import annotations

from collections.abc import Callable

from peoplesync_local.stripe_simulator.account.showing import plain
from peoplesync_local.stripe_simulator.account.timetable import Timetable
from peoplesync_local.stripe_simulator.billing.payments import Payments
from peoplesync_local.stripe_simulator.billing.pricing import cost, currency_options, in_currency
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import CardDeclined, InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params
from peoplesync_local.stripe_simulator.parameters.params import choice, entries, metadata, number, part, text

MODES = ("payment", "setup", "subscription")
Create = Callable[[Params], StripeObject]


class Checkout:
    """`create_customer` and `create_subscription` are what a request for them does."""

    def __init__(
        self, timetable: Timetable, payments: Payments, create_customer: Create, create_subscription: Create
    ) -> None:
        self._timetable = timetable
        self._account = timetable.account
        self._payments = payments
        self._create_customer = create_customer
        self._create_subscription = create_subscription
        self._asked: dict[str, Params] = {}

    def create(self, params: Params) -> StripeObject:
        at = self._timetable.now()
        mode = choice(params, "mode", MODES, "")
        if "customer" in params:
            self._timetable.existing("customer", params["customer"], "customer")
        currency = text(params, "currency")
        lines = [
            self._line(entry, index, currency) for index, entry in enumerate(entries(params, "line_items"))
        ]
        if not lines and mode != "setup":
            raise InvalidRequest("Missing required param: line_items.", param="line_items")
        trial = part(params, "subscription_data").get("trial_period_days")
        total = sum(line["amount_total"] for line in lines)
        session_id = self._account.new_id("cs_live" if self._account.livemode else "cs_test")
        session = stripe_objects.checkout_session(
            session_id,
            customer=params.get("customer"),
            created=at,
            email=None,
            amount_total=None if mode == "setup" else 0 if trial else total,
            currency=lines[0]["currency"] if lines else "usd",
            mode=mode,
            livemode=self._account.livemode,
            amount_subtotal=None if mode == "setup" else 0 if trial else total,
            cancel_url=text(params, "cancel_url"),
            client_reference_id=text(params, "client_reference_id"),
            customer_details=None,
            customer_email=text(params, "customer_email"),
            expires_at=number(params, "expires_at", at + stripe_objects.DAY),
            metadata=metadata({}, params),
            payment_status="no_payment_required" if mode == "setup" or trial else "unpaid",
            status="open",
            success_url=text(params, "success_url"),
            url=f"https://checkout.stripe.com/c/pay/{session_id}",
            line_items=stripe_objects.list_of(lines, f"/v1/checkout/sessions/{session_id}/line_items"),
        )
        self._asked[session_id] = params
        return self._timetable.put(session)

    def complete(self, id: str) -> StripeObject:  # noqa: A002 - Stripe's name
        """The customer fills the page in and pays: what it was opened for comes to be."""
        session = self._timetable.existing("checkout.session", id)
        if session["status"] != "open":
            raise InvalidRequest(f"Checkout Session {id} is {session['status']}.")
        params = self._asked.get(id, {})
        email = session["customer_email"] or f"{id.lower().replace('_', '-')}@example.com"
        if session["customer"] is None:
            customer = self._create_customer({"email": email})
        else:
            customer = self._timetable.existing("customer", session["customer"])
        bought = self._bought(session, params, customer)
        invoice = self._account.get("invoice", bought.get("invoice", "")) or {"status": "paid"}
        is_pending = bought.pop("is_pending", invoice["status"] == "open")
        details: StripeObject = {key: customer[key] for key in ("address", "name", "phone")}
        details |= {"business_name": None, "individual_name": None, "tax_exempt": "none", "tax_ids": []}
        completed = {
            "customer": customer["id"],
            "customer_details": details | {"email": customer["email"] or email},
            "payment_status": _payment_status(session, is_pending=is_pending),
            "status": "complete",
            "url": None,
        }
        shown = session | bought | completed
        return self._timetable.happens("checkout.session.completed", shown, self._timetable.now())

    def is_due(self, session: StripeObject, at: int) -> None:
        """Nobody filled it in."""
        expired = session | {"status": "expired", "url": None}
        self._timetable.happens("checkout.session.expired", expired, at)

    def _bought(self, session: StripeObject, params: Params, customer: StripeObject) -> StripeObject:
        if session["mode"] == "subscription":
            items = {
                str(index): {key: entry[key] for key in ("price", "quantity") if key in entry}
                for index, entry in enumerate(entries(params, "line_items"))
            }
            asked = part(params, "subscription_data") | {"customer": customer["id"], "items": items}
            if "currency" in params:
                asked["currency"] = params["currency"]
            if "discounts" in params:
                asked["discounts"] = params["discounts"]
            subscription = self._create_subscription(asked | {"payment_behavior": "error_if_incomplete"})
            return {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]}
        if session["mode"] == "payment" and session["amount_total"]:
            pays = self._payments.pays(customer)
            at = self._timetable.now()
            amount, currency = session["amount_total"], session["currency"]
            charge = self._payments.collect(customer, amount, currency, at, pays=pays, description=None)
            if charge["status"] == "failed":
                raise CardDeclined(charge["id"])
            is_pending = charge["status"] == "pending"
            return {"payment_intent": charge["payment_intent"], "is_pending": is_pending}
        return {}

    def _line(self, entry: Params, index: int, currency: str | None) -> StripeObject:
        price = self._timetable.existing("price", entry.get("price", ""), f"line_items[{index}][price]")
        quantity = number(entry, "quantity", 1) or 0
        billed = currency or price["currency"]
        if billed not in currency_options(price):
            message = f"The price specified has no amount in {billed}."
            raise InvalidRequest(message, param=f"line_items[{index}][price]")
        amount = cost(in_currency(price, billed), quantity)
        product = self._account.get("product", price["product"])
        return {
            "id": self._account.new_id("li"),
            "object": "item",
            "adjustable_quantity": None,
            "amount_discount": 0,
            "amount_subtotal": amount,
            "amount_tax": 0,
            "amount_total": amount,
            "currency": billed,
            "description": product.get("name") if product else None,
            "metadata": {},
            "price": plain(price),
            "quantity": quantity,
        }


def _payment_status(session: StripeObject, *, is_pending: bool) -> str:
    if not session["amount_total"]:
        return "no_payment_required"
    return "unpaid" if is_pending else "paid"
