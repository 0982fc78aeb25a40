"""A Stripe account in memory: its objects as they are now, and the events that showed them."""

from collections import Counter
from collections.abc import Callable

from peoplesync_local.stripe_simulator.objects.events import event, previous_attributes
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject


class StripeAccount:
    """`objects` by id, `events` in the order in which they happened. `event_id` names the n-th event, from
    1."""

    def __init__(self, event_id: Callable[[int], str]) -> None:
        self.objects: dict[str, StripeObject] = {}
        self.events: list[StripeObject] = []
        self._event_id = event_id
        self._numbers: Counter[str] = Counter()

    def new_id(self, prefix: str) -> str:
        """The next id of a kind: `sub_00001`, `sub_00002` …; they sort as they were given."""
        self._numbers[prefix] += 1
        return f"{prefix}_{self._numbers[prefix]:05d}"

    def happens(self, event_type: str, shown: StripeObject, at: int) -> StripeObject:
        """Record an event of this type at `at`, which shows the object as it is now (`shown`); returns the
        object. Only `*.updated` says what was before, as at Stripe. An object without id is in the event, and
        not kept."""
        shown_id = shown.get("id")
        before = self.objects.get(shown_id) if shown_id else None
        previous = previous_attributes(before, shown) if before and event_type.endswith(".updated") else None
        number = len(self.events) + 1
        self.events.append(event(event_type, shown, id=self._event_id(number), created=at, previous=previous))
        if shown_id:
            self.objects[shown_id] = shown
        return shown
