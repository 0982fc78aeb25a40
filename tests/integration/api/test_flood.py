"""A flood on the console's address: Stripe's webhooks are taken as ever."""

from __future__ import annotations

import urllib.request
from concurrent.futures import ThreadPoolExecutor

from tests.support.stacks.stack_company import Company

FLOOD = 400
EVENTS = 25


def test_each_webhook_is_taken_at_once_while_pages_are_asked_for_without_end(company: Company) -> None:
    """The emulator throttles nobody; that the two have throttles of their own is a test of the template."""
    simulator, stripe = company.simulator(), company.stripe()

    def look(_: int) -> int:
        with urllib.request.urlopen(company.target.console_url) as answer:
            return int(answer.status)

    with ThreadPoolExecutor(4) as visitors:
        looks = visitors.map(look, range(FLOOD))
        for number in range(EVENTS):
            stripe.v1.customers.create({"email": f"flood-{number:02}@example.com"})
        simulator.flush()  # what was refused would be due again later only
        assert set(looks) == {200}

    company.drain()
    emails = {one["email"] for one in company.target.browser(company.name).list_people()}
    assert {f"flood-{number:02}@example.com" for number in range(EVENTS)} <= emails
