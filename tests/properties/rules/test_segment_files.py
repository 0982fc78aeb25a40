"""Segments that are exported and imported elsewhere are the same segments there."""

from __future__ import annotations

import io
import json
import random
from dataclasses import replace
from typing import Any

from peoplesync.domain.fields.built_in import FIELDS, Field
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions, Segment
from peoplesync_cli.defining import rule_files
from tests.properties.rules.test_rules_on_people import random_rule
from tests.support.builders.defined import FakeStore

RUNS = 60
PIECES = (
    *(
        "Trials",
        "no",
        "NO",
        "é",
        "顧客",
        ":",
        "#",
        "- ",
        "5",
        "2026-01-31",
        "'",
        '"',
        "{",
        "true",
        "🙂",
        "\\",
    ),
)


def random_title(rng: random.Random) -> str:
    return " ".join(rng.choices(PIECES, k=rng.randint(1, 5))).strip() or "x"


def random_own_rule(rng: random.Random) -> Any:
    """Any rule, or one over a field of the users' own with any text."""
    if rng.random() < 0.5:
        return random_rule(rng)
    return {"any": [random_rule(rng), {"field": "tier", "in": [random_title(rng), rng.choice(PIECES)]}]}


def random_definitions(rng: random.Random, fields: tuple[Field, ...]) -> Definitions:
    predefined = tuple(
        replace(one, title=random_title(rng), enabled=rng.random() < 0.7) if rng.random() < 0.5 else one
        for one in PREDEFINED
    )
    own = tuple(
        Segment(f"own_{number}", random_title(rng), random_own_rule(rng), enabled=rng.random() < 0.7)
        for number in range(rng.randint(0, 12))
    )
    return Definitions(rng.randint(1, 9), predefined + own, fields)


def through_a_file(content: Any, rng: random.Random) -> Any:
    as_yaml = rng.random() < 0.5
    file = io.StringIO(rule_files.as_yaml(content) if as_yaml else json.dumps(content, ensure_ascii=False))
    file.name = rng.choice(["<stdin>", "segments.yaml" if as_yaml else "segments.json"])
    return rule_files.read(file)


def test_what_is_exported_is_imported_as_the_same() -> None:
    rng = random.Random(6)
    fields = (*FIELDS, Field("tier", "Tier", "Custom", "text", "traits.tier"))
    for _ in range(RUNS):
        origin = FakeStore(random_definitions(rng, fields))
        elsewhere = FakeStore(Definitions(3, PREDEFINED, fields))

        elsewhere.segments.import_segments(through_a_file(origin.segments.export(), rng), replaces=True)

        assert elsewhere.stored.segments == origin.stored.segments
        assert elsewhere.segments.export() == origin.segments.export()
        written = list(elsewhere.written_at)
        elsewhere.segments.import_segments(through_a_file(origin.segments.export(), rng))
        assert elsewhere.written_at == written
