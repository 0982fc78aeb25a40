"""Whom one means: a person by whatever one remembers of them.

Whole ids and e-mails are looked up. An id of something else at Stripe - an invoice, say - is asked of Stripe,
once, for its customer. Anything else is the beginning of an e-mail, a name, a domain or an id, and has to
leave no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import Person, customer_identity, email_identity, normal_email
from peoplesync.domain.records.activity import USER
from peoplesync.domain.records.changes import customer_of
from peoplesync.use_cases.ports import NotPermitted, OtherMode
from peoplesync.use_cases.read_models.find import Finder, TooShort

AT_STRIPE: Final = {
    "in": ("invoices", "invoice"),
    "ch": ("charges", "charge"),
    "py": ("charges", "payment"),
    "pi": ("payment_intents", "payment intent"),
    "cs": ("checkout/sessions", "checkout session"),
    "sub": ("subscriptions", "subscription"),
}
"""How an id of Stripe's begins, where such objects are, and what one of them is called."""

_OF_STRIPE: Final = re.compile(rf"({'|'.join(AT_STRIPE)})_[A-Za-z0-9_]+")

NAMED: Final = 5
"""So many people are named where it could be several."""

_A_LOOK: Final = 25


class NotFound(LookupError):
    """There is no such person or segment; the message says so in the user's words."""


class Ambiguous(NotFound):
    """It could be several people: `candidates` are the first of them as (person id, e-mail)."""

    def __init__(self, who: str, candidates: tuple[tuple[str, str | None], ...], *, more: bool) -> None:
        named = ", ".join(f"{person} ({email or 'no e-mail'})" for person, email in candidates)
        super().__init__(f"{who} could be {named}{' and others' if more else ''}; name one of them")
        self.candidates = candidates


class People(Protocol):
    def person_of(self, epoch: Epoch, identity: str) -> Person | None: ...

    def person(self, epoch: Epoch, person_id: str) -> Person | None: ...


def exactly(people: People, epoch: Epoch, who: str) -> Person | None:
    """The person whose whole e-mail, Stripe customer, `user:` of the app or person id this is."""
    if who.startswith(USER):
        return people.person_of(epoch, who)
    if "@" not in who and who.startswith("per_"):
        return people.person(epoch, who)
    if "@" not in who and who.startswith("cus_"):
        return people.person_of(epoch, customer_identity(who))
    return people.person_of(epoch, email_identity(normal_email(who) or ""))


@dataclass(frozen=True)
class Whom:
    """The use case with what it needs. `at_stripe` is what Stripe shows at a path below `/v1/` to the
    connection's key; None where it knows of no such thing."""

    people: People
    finder: Finder
    at_stripe: Callable[[str], Mapping[str, Any] | None]

    def meant(self, epoch: Epoch, who: str) -> Person:
        """The one person whom it can mean. Raises `NotFound`, `Ambiguous` among it; for an id of something
        at Stripe also NotPermitted or Unavailable."""
        if found := exactly(self.people, epoch, who):
            return found
        if _OF_STRIPE.fullmatch(who):
            return self._whose(epoch, who)
        return self._only_one(epoch, who)

    def _whose(self, epoch: Epoch, who: str) -> Person:
        path, name = AT_STRIPE[who.partition("_")[0]]
        try:
            shown = self.at_stripe(f"{path}/{who}")
        except OtherMode as error:
            raise NotFound(f"{who} is of the other of Stripe's modes than {epoch.connection}") from error
        except NotPermitted as error:
            may = f" ({error.permission})" if error.permission else ""
            raise NotPermitted(
                f"the key of {epoch.connection} may not read {name}s{may}; look for their customer or e-mail",
                error.permission,
            ) from error
        if shown is None:
            raise NotFound(f"Stripe knows no {name} {who}")
        customer = customer_of(shown)
        if customer is None:
            raise NotFound(f"the {name} {who} has no customer at Stripe")
        person = self.people.person_of(epoch, customer_identity(customer))
        if person is None:
            raise NotFound(f"the {name} {who} is of the customer {customer}, and no person here has that")
        return person

    def _only_one(self, epoch: Epoch, who: str) -> Person:
        found: dict[str, Person] = {}
        after: str | None = ""
        try:
            while after is not None and len(found) <= NAMED:
                page, after = self.finder.page(epoch, who, _A_LOOK, after)
                found |= {one.id: one for one in page}
        except TooShort:
            found = {}
        if not found:
            raise NotFound(f"no person matches {who}")
        if len(found) > 1:
            named = tuple((one.id, one.email) for one in list(found.values())[:NAMED])
            raise Ambiguous(who, named, more=len(found) > NAMED)
        return next(iter(found.values()))
