"""Stripe's signatures, checked against Stripe's own SDK."""

from __future__ import annotations

import hashlib
import hmac

import pytest
import stripe

from peoplesync.use_cases.ingress.signatures import TOLERANCE, refusal, sign
from tests.support.builders import stripe as builders
from tests.support.builders.stripe import NOW

SECRET = "whsec_test_one"
ROLLED = "whsec_test_two"
BODY = '{"id":"evt_1","object":"event","name":"Zoë ✓"}'.encode()
NO_MATCH = "signature does not match the signing secret"
INCOMPLETE = "Stripe-Signature header without t or v1"


def digest(scheme_secret: str, at: int, body: bytes = BODY) -> str:
    return hmac.new(scheme_secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def test_what_we_sign_is_accepted_by_stripes_sdk() -> None:
    assert stripe.WebhookSignature.verify_header(BODY.decode(), sign(SECRET, BODY, NOW), SECRET, None)


def test_stripes_sdk_refuses_what_we_sign_with_another_secret() -> None:
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(BODY.decode(), sign(ROLLED, BODY, NOW), SECRET, None)


def test_what_stripes_sdk_computes_is_accepted() -> None:
    computed = stripe.WebhookSignature._compute_signature(f"{NOW}.{BODY.decode()}", SECRET)

    assert refusal(f"t={NOW},v1={computed}", BODY, [SECRET], NOW) is None


def test_while_a_secret_is_rolled_either_of_two_signatures_is_enough() -> None:
    header = builders.sign(SECRET, BODY, NOW, ROLLED)

    assert header.count("v1=") == 2
    assert refusal(header, BODY, [SECRET], NOW) is None
    assert refusal(header, BODY, [ROLLED], NOW) is None
    assert refusal(header, BODY, ["whsec_test_three"], NOW) == NO_MATCH


def test_while_a_secret_is_rolled_either_of_two_secrets_is_enough() -> None:
    assert refusal(sign(ROLLED, BODY, NOW), BODY, [SECRET, ROLLED], NOW) is None
    assert refusal(sign(SECRET, BODY, NOW), BODY, [SECRET, ROLLED], NOW) is None


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_the_matching_signature_may_stand_anywhere_among_others(place: int) -> None:
    others = ["0" * 64, "f" * 64, digest("whsec_test_three", NOW)]
    others.insert(place, digest(SECRET, NOW))
    header = ",".join([f"t={NOW}", *(f"v1={one}" for one in others)])

    assert refusal(header, BODY, [ROLLED, SECRET], NOW) is None


@pytest.mark.parametrize("scheme", ["v0", "v2", "V1", "v11", ""])
def test_a_signature_of_another_scheme_counts_for_nothing(scheme: str) -> None:
    right = digest(SECRET, NOW)

    assert refusal(f"t={NOW},{scheme}={right}", BODY, [SECRET], NOW) == INCOMPLETE
    assert refusal(f"t={NOW},v1={'0' * 64},{scheme}={right}", BODY, [SECRET], NOW) == NO_MATCH


def test_a_signature_of_another_scheme_does_not_disturb_a_good_one() -> None:
    header = f"t={NOW},v0={'0' * 64},v1={digest(SECRET, NOW)},v2=whatever,w"

    assert refusal(header, BODY, [SECRET], NOW) is None


def test_spaces_after_commas_do_no_harm() -> None:
    assert refusal(f"t={NOW}, v1={digest(SECRET, NOW)}", BODY, [SECRET], NOW) is None


@pytest.mark.parametrize("apart", [-300, -299, -1, 0, 1, 299, 300])
def test_a_clock_may_be_off_by_five_minutes_to_either_side(apart: int) -> None:
    assert TOLERANCE == 300
    assert refusal(sign(SECRET, BODY, NOW + apart), BODY, [SECRET], NOW) is None


@pytest.mark.parametrize(
    ("apart", "reason"),
    [
        (-301, "signature is 301 s old, 300 s are allowed"),
        (-86_400, "signature is 86400 s old, 300 s are allowed"),
        (301, "signature is 301 s ahead, 300 s are allowed"),
        (86_400, "signature is 86400 s ahead, 300 s are allowed"),
    ],
)
def test_a_signature_outside_five_minutes_is_refused_on_both_sides(apart: int, reason: str) -> None:
    assert refusal(sign(SECRET, BODY, NOW + apart), BODY, [SECRET], NOW) == reason


def test_the_time_is_signed_too() -> None:
    replayed = f"t={NOW},v1={digest(SECRET, NOW - 3_600)}"

    assert refusal(replayed, BODY, [SECRET], NOW) == NO_MATCH


def test_a_wrong_signature_learns_nothing_about_its_time() -> None:
    assert refusal(sign(ROLLED, BODY, NOW - 86_400), BODY, [SECRET], NOW) == NO_MATCH


@pytest.mark.parametrize(
    "body", [BODY[:-1], BODY + b" ", BODY + b"\n", b"", BODY.replace(b"evt_1", b"evt_2")]
)
def test_a_body_changed_by_one_byte_is_refused(body: bytes) -> None:
    assert refusal(sign(SECRET, BODY, NOW), body, [SECRET], NOW) == NO_MATCH


def test_the_body_may_be_any_bytes() -> None:
    garbage = bytes(range(256))

    assert refusal(sign(SECRET, garbage, NOW), garbage, [SECRET], NOW) is None


@pytest.mark.parametrize("header", [None, ""])
def test_a_request_without_the_header_is_refused(header: str | None) -> None:
    assert refusal(header, BODY, [SECRET], NOW) == "no Stripe-Signature header"


@pytest.mark.parametrize(
    "header",
    [
        "nonsense",
        ",,,",
        "=",
        f"t={NOW}",
        f"v1={'0' * 64}",
        f"t=,v1={'0' * 64}",
        f"t=soon,v1={'0' * 64}",
        f"t=-1,v1={'0' * 64}",
        f"t=1e9,v1={'0' * 64}",
        f"t={NOW}.0,v1={'0' * 64}",
        f"t=²,v1={'0' * 64}",
        f"t=١٧٧٢٣٦٦٤٠٠,v1={'0' * 64}",
        f"t={NOW},t={NOW},v1={'0' * 64}",
        f"t={'9' * 5_000},v1={'0' * 64}",
    ],
)
def test_a_malformed_header_is_refused(header: str) -> None:
    assert refusal(header, BODY, [SECRET], NOW) == INCOMPLETE


@pytest.mark.parametrize(
    "candidate", ["é" * 64, "✓", "\x00", "\udcff", "0" * 63, "", digest(SECRET, NOW)[:-1]]
)
def test_garbage_in_place_of_a_signature_is_refused(candidate: str) -> None:
    assert refusal(f"t={NOW},v1={candidate}", BODY, [SECRET], NOW) == NO_MATCH


def test_a_signature_in_capitals_is_not_stripes() -> None:
    assert refusal(f"t={NOW},v1={digest(SECRET, NOW).upper()}", BODY, [SECRET], NOW) == NO_MATCH


def test_without_a_secret_nothing_is_accepted() -> None:
    assert refusal(sign("", BODY, NOW), BODY, [], NOW) == NO_MATCH
