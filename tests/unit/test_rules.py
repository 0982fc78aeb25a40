"""Rules: true or false, and until when that is certain; and what is no rule, with the place."""

from typing import Any

import pytest

from peoplesync.domain.fields import FieldValue
from peoplesync.domain.rules import InvalidRule, Rule, Subject, check, duration, earliest, holds
from tests.builders import DAY, NOW

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
    ("text holds no element", ANY_PAST_DUE, somebody(subscription_statuses="past_due"), (False, None)),
    ("is a customer", CUSTOMER, somebody(), (True, None)),
    ("is no customer", CUSTOMER, somebody(stripe_customer=False), (False, None)),
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


@pytest.mark.parametrize("quantifier", ["all", "any", "none"])
def test_what_combines_rules_is_certain_until_the_first_of_them_may_change(quantifier: str) -> None:
    rule = {quantifier: [IDLE, OVER, {"all": [CUSTOMER]}]}
    person = somebody(last_activity_at=NOW - 10 * DAY, subscription_trial_ends_at=NOW + DAY)
    assert holds(rule, person, NOW)[1] == NOW + DAY
    assert holds(rule, person, NOW + DAY)[1] == NOW + 5 * DAY
    assert holds(rule, person, NOW + 5 * DAY)[1] is None


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
    with pytest.raises(InvalidRule, match="no duration; write a number and m, h or d, such as 15d"):
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
    ({"has": "everything"}, "rule"),
    ({"has": "stripe_customer", "in": []}, "rule"),
    ({"all": []}, "rule"),
    ({"all": STATUS_IN}, "rule"),
    ({"all": [STATUS_IN], "any": [STATUS_IN]}, "rule"),
    ({"every": [STATUS_IN]}, "rule"),
    ({"all": [STATUS_IN, {"has": "x"}]}, "rule.all[1]"),
    ({"all": [STATUS_IN, {"any": [CUSTOMER, {"none": [{}]}]}]}, "rule.all[1].any[1].none[0]"),
    ({"any": [{"field": "shoe_size", "in": [42]}]}, "rule.any[0].field: there is no field 'shoe_size'"),
    ({"none": [FIELD | {"older_than": "1d"}]}, "rule.none[0]: a text field takes in"),
    (FIELD | {"in": []}, "rule: a text field takes in"),
    (FIELD | {"in": "active"}, "rule: a text field takes in"),
    (FIELD | {"contains": "active"}, "rule: a text field takes in"),
    (FIELD | {"like": "act"}, "rule: a text field takes in"),
    (FIELD | {"in": ["active"], "older_than": "1d"}, "rule"),
    ({"field": "subscription_statuses", "in": ["active"]}, "rule: a list field takes contains"),
    ({"field": "subscription_statuses", "contains": 5}, "rule: a list field takes contains"),
    ({"field": "last_activity_at", "in": [NOW]}, "rule"),
    ({"all": [IDLE | {"older_than": "soon"}]}, "rule.all[0].older_than: 'soon' is no duration"),
    ({"all": [IDLE | {"older_than": 15}]}, "rule.all[0].older_than: 15 is no duration"),
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
