"""Accounts v2 that are customers: some stand beside a v1 customer, some instead of one.

An account without a v1 customer is kept as a customer whose id is the account's: no answer and no event
shows that customer, and what belongs to it shows `customer: null` with `customer_account`, a key that charges
do not have.
"""

from __future__ import annotations

from peoplesync_local.stripe_simulator.account.timetable import Timetable
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params
from peoplesync_local.stripe_simulator.requests.customers import Customers

KIND = "v2.core.account"


class AccountsV2:
    """Makes accounts, and finds the customer that stands for one."""

    def __init__(self, timetable: Timetable, customers: Customers) -> None:
        self._timetable = timetable
        self._account = timetable.account
        self._customers = customers

    def create(self, params: Params, *, with_customer: bool) -> StripeObject:
        """An account that can be billed; its `customer` is the id of its v1 customer, null if it has none."""
        account_id = self._account.new_id("acct")
        customer = self._customers.create(params, account=account_id, is_shown=with_customer)
        made = {
            "id": account_id,
            "object": KIND,
            "contact_email": customer["email"],
            "display_name": customer["name"],
            "livemode": self._account.livemode,
            "customer": customer["id"],
        }
        self._timetable.put(made)
        return made | {"customer": customer["id"] if with_customer else None}

    def named(self, params: Params) -> Params:
        """A request's parameters with the customer that its `customer_account` stands for."""
        if "customer_account" not in params:
            return params
        if "customer" in params:
            message = "You may only specify one of these parameters: customer, customer_account."
            raise InvalidRequest(message, param="customer_account")
        held = self._timetable.existing(KIND, params["customer_account"], "customer_account")
        rest = {name: value for name, value in params.items() if name != "customer_account"}
        return rest | {"customer": held["customer"]}
