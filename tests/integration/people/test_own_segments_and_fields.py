"""Fields and segments of the users' own on the deployed stack: they are filled when the command ends."""

from __future__ import annotations

from pathlib import Path

from peoplesync.domain.people.person import EVERYONE
from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.stack_company import Commands, Company, eventually

SECONDS = 20


def test_a_field_of_metadata_fills_itself_and_a_segment_on_it_has_the_right_members(
    local_stack: LocalStack, tmp_path: Path
) -> None:
    company = Company(local_stack, "definer")
    company.connect()
    stripe, command = company.stripe(), Commands(company)
    for number, metadata in enumerate(({"seats": "12"}, {"seats": "3"}, {"seats": "a few"}, {})):
        email = f"team-{number:02}@example.com"
        stripe.v1.customers.create({"email": email, "metadata": {**metadata}})
    people, epoch = company.target.people, company.epoch
    eventually(lambda: people.count(epoch, EVERYONE) == 4, SECONDS, "the customers")

    (field,) = command.json("fields", "add", "seats", "--from", "customer.metadata.seats", "--type", "number")

    assert field["reevaluation"]["status"] == "succeeded"
    assert list(field["filling"]["reasons"].values()) == ['"a few" is not a number']
    counts = ("people", "with_value", "not_converted", "not_known")
    assert [field["filling"][name] for name in counts] == [4, 2, 1, 0]

    rule = tmp_path / "large.yaml"
    rule.write_text("all:\n- {field: seats, at_least: 10}\n- has: stripe_customer\n")
    (large,) = command.json("segments", "create", str(rule), "--title", "Large teams")

    assert (large["id"], large["count"], large["reevaluation"]["status"]) == ("large_teams", 1, "succeeded")
    (member,) = command.json("people", "list", "--segment", "large_teams")
    assert (member["email"], member["fields"]["seats"]) == ("team-00@example.com", 12)

    # What comes in from now on is held against it as well.
    stripe.v1.customers.create({"email": "team-04@example.com", "metadata": {"seats": "40"}})
    eventually(lambda: people.count(epoch, "large_teams") == 2, SECONDS, "the new member")

    renamed = command("segments", "rename", "large_teams", "Ten and more")
    assert renamed.stdout == "Ten and more (large_teams): 2 people are in it.\n"
