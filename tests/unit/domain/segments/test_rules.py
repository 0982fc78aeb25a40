"""Rules: true or false, and until when that is certain; and what is not a rule, with the place."""

from typing import Any

import pytest

from peoplesync.domain.fields.built_in import FieldType, FieldValue
from peoplesync.domain.records.record import Occurrences
from peoplesync.domain.segments.conditions import InvalidRule, duration
from peoplesync.domain.segments.rules import MOST, Rule, Subject, check, earliest, holds
from tests.support.builders.stripe import DAY, NOW

STATUS_IN = {"field": "subscription_status", "in": ["active", "past_due"]}
IDLE = {"field": "last_activity_at", "older_than": "15d"}
OVER = {"field": "subscription_trial_ends_at", "older_than": "0d"}
ANY_PAST_DUE = {"field": "subscription_statuses", "contains": "past_due"}
CUSTOMER = {"has": "stripe_customer"}
YES, NO = {"has": "stripe_customer"}, {"none": [{"has": "stripe_customer"}]}


def somebody(stripe_customer: bool = True, **fields: FieldValue) -> Subject:
    return Subject(fields, stripe_customer)


VERDICTS: list[tuple[str, Rule, Subject, tuple[bool, int | None]]] = [
    ("the value is among them", STATUS_IN, somebody(subscription_status="active"), (True, None)),
    ("the value is not among them", STATUS_IN, somebody(subscription_status="canceled"), (False, None)),
    ("there is no value", STATUS_IN, somebody(subscription_status=None), (False, None)),
    ("there is no such field", STATUS_IN, somebody(), (False, None)),
    ("the list holds it", ANY_PAST_DUE, somebody(subscription_statuses=["active", "past_due"]), (True, None)),
    ("the list does not hold it", ANY_PAST_DUE, somebody(subscription_statuses=["active"]), (False, None)),
    ("the list is empty", ANY_PAST_DUE, somebody(subscription_statuses=[]), (False, None)),
    ("is a customer", CUSTOMER, somebody(), (True, None)),
    ("is not a customer", CUSTOMER, somebody(stripe_customer=False), (False, None)),
    ("has an e-mail", {"has": "email"}, Subject({}, False, email=True), (True, None)),
    ("has no e-mail", {"has": "email"}, Subject({}, True), (False, None)),
    ("long ago", IDLE, somebody(last_activity_at=NOW - 99 * DAY), (True, None)),
    ("a second too young", IDLE, somebody(last_activity_at=NOW - 15 * DAY + 1), (False, NOW + 1)),
    ("just old enough", IDLE, somebody(last_activity_at=NOW - 15 * DAY), (True, None)),
    ("this very moment", IDLE, somebody(last_activity_at=NOW), (False, NOW + 15 * DAY)),
    ("in the future", IDLE, somebody(last_activity_at=NOW + DAY), (False, NOW + 16 * DAY)),
    ("never", IDLE, somebody(last_activity_at=None), (False, None)),
    ("an end to come", OVER, somebody(subscription_trial_ends_at=NOW + 1), (False, NOW + 1)),
    ("an end that is now", OVER, somebody(subscription_trial_ends_at=NOW), (True, None)),
    ("all of none", {"all": []}, somebody(), (True, None)),
    ("any of none", {"any": []}, somebody(), (False, None)),
    ("none of none", {"none": []}, somebody(), (True, None)),
    ("all: yes, yes", {"all": [YES, YES]}, somebody(), (True, None)),
    ("all: yes, no", {"all": [YES, NO]}, somebody(), (False, None)),
    ("any: no, yes", {"any": [NO, YES]}, somebody(), (True, None)),
    ("any: no, no", {"any": [NO, NO]}, somebody(), (False, None)),
    ("none: no, no", {"none": [NO, NO]}, somebody(), (True, None)),
    ("none: no, yes", {"none": [NO, YES]}, somebody(), (False, None)),
]


@pytest.mark.parametrize(
    ("rule", "subject", "verdict"), [pytest.param(*one[1:], id=one[0]) for one in VERDICTS]
)
def test_a_rule_holds_or_not_and_says_until_when(
    rule: Rule, subject: Subject, verdict: tuple[bool, int | None]
) -> None:
    assert holds(rule, subject, NOW) == verdict


TEXT = {"field": "customer_name"}
MRR = {"field": "customer_mrr"}
PAID = {"field": "last_payment_at"}
ENDS = {"field": "subscription_trial_ends_at"}
NOON = "2026-03-01T12:00:00Z"
"""NOW, as it is written in a rule."""

CONDITIONS: list[tuple[Rule, FieldValue, tuple[bool, int | None]]] = [
    (TEXT | {"contains": "OR"}, "Zoë Ford", (True, None)),
    (TEXT | {"contains": "ZOË"}, "Zoë Ford", (True, None)),
    (TEXT | {"contains": "x"}, "Zoë Ford", (False, None)),
    (TEXT | {"starts_with": "zo"}, "Zoë Ford", (True, None)),
    (TEXT | {"starts_with": "Ford"}, "Zoë Ford", (False, None)),
    (TEXT | {"starts_with": "5"}, 5, (False, None)),
    (TEXT | {"exists": True}, "Zoë", (True, None)),
    (TEXT | {"exists": True}, "", (False, None)),
    (TEXT | {"known": True}, "Zoë", (True, None)),  # its name until version 0.2
    (TEXT | {"exists": False}, None, (True, None)),
    ({"field": "subscription_statuses", "exists": True}, [], (False, None)),
    ({"field": "customer_delinquent", "exists": True}, False, (True, None)),
    ({"field": "subscription_quantity", "exists": True}, 0, (True, None)),
    (MRR | {"over": 49}, "49.00", (False, None)),
    (MRR | {"over": 49}, "49.01", (True, None)),
    (MRR | {"over": "0.1"}, "0.10", (False, None)),
    (MRR | {"at_least": 49}, "49.00", (True, None)),
    (MRR | {"at_least": 49}, "48.99", (False, None)),
    (MRR | {"under": 49.5}, "49.49", (True, None)),
    (MRR | {"under": 49}, "49.00", (False, None)),
    (MRR | {"at_most": 49}, "49.00", (True, None)),
    (MRR | {"at_most": 9}, "10.00", (False, None)),  # as text it would come first
    (MRR | {"over": -1}, None, (False, None)),
    (MRR | {"in": [49]}, "49.00", (True, None)),
    (MRR | {"in": [True]}, 1, (True, None)),  # `check` refuses it
    ({"field": "plan_price_in_cents", "over": 0}, "0.5", (True, None)),
    ({"field": "customer_delinquent", "in": [False]}, False, (True, None)),
    (PAID | {"within": "7d"}, NOW, (True, NOW + 7 * DAY)),
    (PAID | {"within": "7d"}, NOW - 7 * DAY + 1, (True, NOW + 1)),
    (PAID | {"within": "7d"}, NOW - 7 * DAY, (False, None)),
    (PAID | {"within": "7d"}, NOW + 5, (False, NOW + 5)),
    (PAID | {"within": "7d"}, None, (False, None)),
    (ENDS | {"in_next": "3d"}, NOW + 3 * DAY, (True, NOW + 3 * DAY)),
    (ENDS | {"in_next": "3d"}, NOW + 3 * DAY + 1, (False, NOW + 1)),
    (ENDS | {"in_next": "3d"}, NOW + 1, (True, NOW + 1)),
    (ENDS | {"in_next": "3d"}, NOW, (False, None)),
    (ENDS | {"in_next": "3d"}, None, (False, None)),
    (PAID | {"before": NOON}, NOW - 1, (True, None)),
    (PAID | {"before": NOON}, NOW, (False, None)),
    (PAID | {"after": NOON}, NOW, (True, None)),
    (PAID | {"after": "2026-03-02"}, NOW, (False, None)),
    (PAID | {"after": "2026-03-01T13:00:00+01:00"}, NOW, (True, None)),
    (PAID | {"before": NOON}, None, (False, None)),
]


@pytest.mark.parametrize(("rule", "value", "verdict"), CONDITIONS)
def test_an_operator_says_whether_it_holds_for_the_value(
    rule: Rule, value: FieldValue, verdict: tuple[bool, int | None]
) -> None:
    assert holds(rule, Subject({rule["field"]: value}, True), NOW) == verdict


@pytest.mark.parametrize(
    ("happened", "verdict"),
    [
        ((NOW - 40 * DAY, NOW - 90 * DAY), (True, None)),
        ((NOW - 40 * DAY + 1,), (False, NOW + 1)),
        ((), (False, None)),
    ],
)
def test_an_event_that_happened_but_not_of_late(
    happened: tuple[int, ...], verdict: tuple[bool, int | None]
) -> None:
    subject = Subject({}, True, {"invoice_paid": Occurrences(len(happened), happened)})

    assert holds({"event": "invoice_paid", "last_older_than": "40d"}, subject, NOW) == verdict


@pytest.mark.parametrize(
    ("happened", "verdict"),
    [
        ((NOW - DAY, NOW - 29 * DAY), (True, NOW + DAY)),
        ((NOW - DAY, NOW - 30 * DAY), (False, None)),
        ((NOW - DAY,), (False, None)),
        ((), (False, None)),
    ],
)
def test_what_the_app_tracked_is_asked_for_by_its_name(
    happened: tuple[int, ...], verdict: tuple[bool, int | None]
) -> None:
    others = {"tracked:Other": Occurrences(2, (NOW, NOW)), "Report Exported": Occurrences(2, (NOW, NOW))}
    events = {**others, "tracked:Report Exported": Occurrences(len(happened), happened)}
    rule = {"event": "tracked:Report Exported", "at_least": 2, "within": "30d"}

    assert holds(rule, Subject({}, False, events), NOW) == verdict


@pytest.mark.parametrize(
    ("field_type", "value", "among", "truth"),
    [
        ("text", "0123", ["123"], False),
        ("text", "2.10", ["2.1", "2.10"], True),
        ("text", "1e3", ["1000"], False),
        ("text", None, ["None"], False),
        ("number", "0.5", ["0.50"], True),
        ("number", 5, ["5.0"], True),
        ("money", "49.00", [49], True),
    ],
)
def test_texts_are_among_values_as_they_are_written_and_numbers_by_what_they_are(
    field_type: FieldType, value: FieldValue, among: list[Any], truth: bool
) -> None:
    subject = Subject({"own": value}, True, types={"own": field_type})

    assert holds({"field": "own", "in": among}, subject, NOW) == (truth, None)


def test_a_postal_code_is_no_number() -> None:
    rule = {"field": "customer_postal_code", "in": ["1234"]}

    assert holds(rule, somebody(customer_postal_code="01234"), NOW) == (False, None)


def test_a_rule_has_bounds() -> None:
    deep: dict[str, Any] = dict(CUSTOMER)
    for _ in range(8):
        deep = {"all": [deep]}
    check(deep)
    with pytest.raises(InvalidRule, match="more than 8 deep"):
        check({"all": [deep]})

    check({"any": [CUSTOMER] * MOST})
    with pytest.raises(InvalidRule, match="it has 51 conditions, 50 are allowed"):
        check({"any": [CUSTOMER] * (MOST + 1)})


def test_fields_of_ones_own_can_be_asked_for() -> None:
    check({"field": "tier", "starts_with": "gold"}, {"tier": "text"})
    with pytest.raises(InvalidRule, match="there is no field 'customer_name'"):
        check({"field": "customer_name", "exists": True}, {"tier": "text"})
    with pytest.raises(InvalidRule, match="'over' does not go with tier; a text field takes in, contains,"):
        check({"field": "tier", "over": 5}, {"tier": "text"})
    with pytest.raises(InvalidRule, match=r"there is no field 'tear'; did you mean tier\?"):
        check({"field": "tear", "exists": True}, {"tier": "text"})


SLIPS = somebody(last_activity_at=NOW - 10 * DAY, subscription_trial_ends_at=NOW + DAY)
"""Idle in five days; the trial is over in one."""


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        ({"all": [OVER, IDLE]}, (False, NOW + 5 * DAY)),  # while any of them is false
        ({"all": [OVER, IDLE, NO]}, (False, None)),
        ({"all": [YES, {"none": [IDLE]}, {"none": [OVER]}]}, (True, NOW + DAY)),  # until the first is
        ({"any": [OVER, IDLE]}, (False, NOW + DAY)),
        ({"any": [OVER, {"none": [IDLE]}]}, (True, NOW + 5 * DAY)),
        ({"any": [OVER, YES]}, (True, None)),
        ({"none": [OVER, IDLE]}, (True, NOW + DAY)),
        ({"none": [OVER, YES]}, (False, None)),
    ],
)
def test_what_combines_rules_is_certain_while_a_part_decides_it(
    rule: Rule, verdict: tuple[bool, int | None]
) -> None:
    assert holds(rule, SLIPS, NOW) == verdict


def test_who_cannot_slip_is_not_looked_at_for_it() -> None:
    """Slipping trials are on trial and idle: for a customer the clock changes nothing."""
    slipping = {"all": [{"field": "subscription_status", "in": ["trialing"]}, IDLE]}

    assert holds(slipping, somebody(subscription_status="active", last_activity_at=NOW), NOW) == (False, None)


def test_none_turns_the_truth_around_at_the_same_moment() -> None:
    rule = {"none": [IDLE]}
    person = somebody(last_activity_at=NOW - 15 * DAY + 1)
    assert holds(rule, person, NOW) == (True, NOW + 1)
    assert holds(rule, person, NOW + 1) == (False, None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("0d", 0), ("90m", 5_400), ("36h", 129_600), ("15d", 1_296_000), ("1m", 60)]
)
def test_a_duration_is_minutes_hours_or_days(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "15", "d", "15 d", "-1d", "1.5d", "15s", "15D", "1d2h", "999999d", 15, None, ["15d"]]
)
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(InvalidRule, match="not a duration; write a number and m, h or d, such as 15d"):
        duration(text)


def test_the_earliest_of_some_instants() -> None:
    assert earliest([None, NOW + 5, NOW, None]) == NOW
    assert earliest([None]) is earliest([]) is None


@pytest.mark.parametrize(
    "rule",
    [
        STATUS_IN,
        IDLE,
        ANY_PAST_DUE,
        CUSTOMER,
        {"field": "customer_delinquent", "in": [True]},
        {"field": "subscription_count", "in": [1, 2]},
        {"field": "customer_mrr", "in": ["19.00"]},
        {"field": "customer_mrr", "over": "19.50"},
        {"field": "customer_country", "in": ["DE", "FR"]},
        {"field": "customer_email", "contains": "@example.com"},
        {"field": "customer_phone", "exists": False},
        {"field": "mrr", "exists": True},
        {"field": "mrr", "known": True},
        {"field": "subscription_trial_ends_at", "in_next": "3d"},
        {"field": "subscription_created_at", "after": "2026-01-31"},
        {"event": "invoice_paid", "last_older_than": "40d"},
        {"event": "tracked:Report Exported", "at_least": 2, "within": "30d"},
        {"event": "tracked:x", "ever": False},
        {"event": "tracked:Report Exported", "last_older_than": "7d"},
        {"has": "email"},
        {"all": [{"any": [STATUS_IN, {"none": [IDLE, CUSTOMER]}]}]},
    ],
)
def test_a_valid_rule_is_accepted_and_can_be_evaluated(rule: Rule) -> None:
    check(rule)
    holds(rule, somebody(), NOW)


FIELD = {"field": "subscription_status"}
INVALID = [
    ({}, "rule"),
    ([], "rule"),
    ("active", "rule"),
    (None, "rule"),
    (FIELD, "rule"),
    ({"in": ["active"]}, "rule"),
    ({"has": "everything"}, "rule.has"),
    ({"has": "stripe_customer", "in": []}, "rule"),
    ({"all": []}, "rule"),
    ({"all": STATUS_IN}, "rule"),
    ({"all": [STATUS_IN], "any": [STATUS_IN]}, "rule"),
    ({"every": [STATUS_IN]}, "rule"),
    ({"all": [STATUS_IN, {"has": "x"}]}, "rule.all[1].has"),
    ({"all": [STATUS_IN, {"any": [CUSTOMER, {"none": [{}]}]}]}, "rule.all[1].any[1].none[0]"),
    ({"any": [{"field": "shoe_size", "in": [42]}]}, "rule.any[0].field: there is no field 'shoe_size'"),
    (
        {"none": [FIELD | {"older_than": "1d"}]},
        "rule.none[0]: 'older_than' does not go with subscription_status; a text field takes in, contains, "
        "starts_with or exists",
    ),
    (FIELD | {"in": []}, "rule.in: write a list of values"),
    (FIELD | {"in": "active"}, "rule.in: write a list of values"),
    (FIELD | {"in": ["active", 5]}, "rule.in[1]: 5 is not text"),
    (
        {"all": [FIELD | {"in": ["trialling"]}]},
        "rule.all[0].in: subscription_status is never 'trialling'; it is active, trialing, past_due,",
    ),
    (FIELD | {"like": "act"}, "rule: 'like' does not go with subscription_status; a text field takes in,"),
    (FIELD | {"in": ["active"], "older_than": "1d"}, "rule"),
    (
        {"field": "subscription_statuses", "in": ["active"]},
        "rule: 'in' does not go with subscription_statuses; a list field takes contains or exists",
    ),
    ({"field": "subscription_statuses", "contains": 5}, "rule.contains: 5 is not text"),
    (
        {"field": "mrr", "over": 5},
        "rule: 'over' does not go with mrr; a money by currency field takes exists",
    ),
    ({"field": "customer_mrr", "over": "much"}, "rule.over: 'much' is not a number; write one such as 49"),
    ({"field": "customer_mrr", "over": True}, "rule.over: True is not a number"),
    ({"field": "customer_mrr", "in": ["49.00", None]}, "rule.in[1]: None is not a number"),
    ({"field": "customer_delinquent", "in": [1]}, "rule.in[0]: 1 is neither true nor false"),
    ({"field": "customer_email", "exists": "yes"}, "rule.exists: 'yes' is neither true nor false"),
    (
        {"field": "last_payment_at", "before": "January"},
        "rule.before: 'January' is not a date; write one such",
    ),
    ({"field": "last_payment_at", "in_next": "soon"}, "rule.in_next: 'soon' is not a duration"),
    ({"field": "plan_interval", "in": ["monthly"]}, "rule.in: plan_interval is never 'monthly'; it is day,"),
    (
        {"field": "subscription_state", "in": ["active"]},
        "rule.field: there is no field 'subscription_state'; did you mean subscription_status",
    ),
    (
        {"event": "payment_fail", "ever": True},
        "rule.event: there is no event 'payment_fail'; did you mean payment_failed or charge_failed?",
    ),
    ({"has": "phone"}, "rule.has: 'phone' is nothing to have; it is stripe_customer or email"),
    (
        {"event": "Report Exported", "ever": True},
        "rule.event: there is no event 'Report Exported'; what the app tracks is called tracked:NAME",
    ),
    ({"event": "tracked:", "ever": True}, "rule.event: there is no event 'tracked:'"),
    (
        {"event": "tracked:x", "at_least": 33, "within": "1d"},
        "rule.at_least: 33 is not a number from 1 to 32",
    ),
    (
        {"event": "payment_failed", "at_least": 0, "within": "1d"},
        "rule.at_least: 0 is not a number from 1 to 32",
    ),
    ({"event": "payment_failed", "last_older_than": "x"}, "rule.last_older_than: 'x' is not a duration"),
    ({"event": "payment_failed"}, "rule: an event takes ever"),
    ({"field": "last_activity_at", "in": [NOW]}, "rule"),
    ({"all": [IDLE | {"older_than": "soon"}]}, "rule.all[0].older_than: 'soon' is not a duration"),
    ({"all": [IDLE | {"older_than": 15}]}, "rule.all[0].older_than: 15 is not a duration"),
    ({"field": ["subscription_status"], "in": ["active"]}, "rule"),
    ({"field": 5, "in": ["active"]}, "rule"),
]


@pytest.mark.parametrize(("rule", "place"), INVALID)
def test_an_invalid_rule_is_refused_with_its_place(rule: Any, place: str) -> None:
    with pytest.raises(InvalidRule) as caught:
        check(rule)
    assert str(caught.value).startswith(f"{place}:" if ":" not in place else place)


@pytest.mark.parametrize(
    "rule", [{}, {"has": "x"}, {"all": [{}]}, IDLE | {"in": []}, {"field": "a", "older_than": 5}]
)
def test_what_is_no_rule_cannot_be_evaluated(rule: Rule) -> None:
    with pytest.raises(InvalidRule):
        holds(rule, somebody(), NOW)


def test_an_unknown_rule_does_not_pass_for_one_because_it_is_nested() -> None:
    with pytest.raises(InvalidRule):
        holds({"any": [YES, {"event": "invoice_paid"}]}, somebody(), NOW)
