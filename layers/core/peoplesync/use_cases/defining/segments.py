"""Changes to segments: the company's own, and the predefined ones as far as they allow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from peoplesync.domain.segments.definitions import PREDEFINED_IDS, Definitions, Segment
from peoplesync.domain.segments.rules import Rule
from peoplesync.use_cases.defining.changes import (
    LONGEST_TITLE,
    Definer,
    DefinitionChange,
    InvalidDefinition,
    check_title,
)
from peoplesync.use_cases.defining.segment_files import check_id, check_rule, read_segments, unused_id
from peoplesync.use_cases.queries.browse import NotFound

MOST_ROWS: Final = 90
"""Most segments in one import: they are stored in one transaction, which takes 100 rows."""


class SegmentDefiner(Definer):
    """Makes, changes and removes segments."""

    def create(self, title: str, rule: Rule, segment_id: str = "") -> DefinitionChange:
        """Adds a custom segment; without an id it gets one made of its title."""
        title = check_title(title)

        def edit(now: Definitions) -> Definitions:
            check_rule(rule, now.fields)
            made = Segment(_new_id(now, segment_id, title), title, rule)
            return replace(now, segments=(*now.segments, made))

        return self.change(edit)

    def edit(
        self,
        segment_id: str,
        *,
        title: str | None = None,
        rule: Rule | None = None,
        enabled: bool | None = None,
    ) -> DefinitionChange:
        """Changes what is given of a segment; its id stays. Predefined ones keep their rules."""
        named = None if title is None else check_title(title)

        def edit(now: Definitions) -> Definitions:
            if rule is not None and rule != _segment(now, segment_id).rule:
                if segment_id in PREDEFINED_IDS:
                    raise InvalidDefinition(
                        f"{segment_id} is predefined, and its rule cannot be changed; make a copy with "
                        f"`peoplesync segments duplicate {segment_id}`, and disable this one"
                    )
                check_rule(rule, now.fields)
                now = _with(now, segment_id, rule=rule)
            if enabled and not _segment(now, segment_id).enabled:
                # Fields may have been removed since it was disabled.
                check_rule(_segment(now, segment_id).rule, now.fields, f"{segment_id}: ")
            facts = {"title": named, "enabled": enabled}
            return _with(now, segment_id, **{name: one for name, one in facts.items() if one is not None})

        return self.change(edit)

    def change_rule(self, segment_id: str, rule: Rule) -> DefinitionChange:
        """Gives a custom segment another rule."""
        return self.edit(segment_id, rule=rule)

    def rename(self, segment_id: str, title: str) -> DefinitionChange:
        """Changes the title; the id stays."""
        return self.edit(segment_id, title=title)

    def delete(self, segment_id: str) -> DefinitionChange:
        """Deletes a segment."""

        def edit(now: Definitions) -> Definitions:
            if _segment(now, segment_id).id in PREDEFINED_IDS:
                raise InvalidDefinition(
                    f"{segment_id} is predefined and cannot be deleted; disable it instead: "
                    f"`peoplesync segments disable {segment_id}`"
                )
            return replace(now, segments=tuple(one for one in now.segments if one.id != segment_id))

        return self.change(edit)

    def duplicate(self, segment_id: str, title: str = "", new_id: str = "") -> DefinitionChange:
        """Adds a custom copy, to be changed: it is not enabled, since its members would be the same."""

        def edit(now: Definitions) -> Definitions:
            original = _segment(now, segment_id)
            named = check_title(title or f"Copy of {original.title}"[:LONGEST_TITLE])
            copy = Segment(_new_id(now, new_id, named), named, original.rule, enabled=False)
            return replace(now, segments=(*now.segments, copy))

        return self.change(edit)

    def enable(self, segment_ids: Sequence[str]) -> DefinitionChange:
        """Gives the segments members again. Their rules are checked again: fields may have been removed."""

        def edit(now: Definitions) -> Definitions:
            for one in segment_ids:
                check_rule(_segment(now, one).rule, now.fields, f"{one}: ")
                now = _with(now, one, enabled=True)
            return now

        return self.change(edit)

    def disable(self, segment_ids: Sequence[str]) -> DefinitionChange:
        """Removes all members from the segments, which stay defined."""

        def edit(now: Definitions) -> Definitions:
            for one in segment_ids:
                now = _with(now, one, enabled=False)
            return now

        return self.change(edit)

    def export(self, segment_ids: Sequence[str] = ()) -> dict[str, Any]:
        """All segments, or those with these ids, as a file that can be imported."""
        now = self.store.definitions(self.epoch)
        chosen = [_segment(now, one) for one in segment_ids] or now.segments
        return {
            "segments": [
                {"id": one.id, "title": one.title, "rule": one.rule, "enabled": one.enabled} for one in chosen
            ]
        }

    def import_segments(self, content: Any, *, replaces: bool = False) -> DefinitionChange:
        """Imports all segments of a file, or none. Existing ones are changed only if it `replaces` them;
        those that are the same are left alone in any case."""

        def edit(now: Definitions) -> Definitions:
            read = read_segments(content, now.fields)
            known = {one.id: one for one in now.segments}
            other = {one.id: one for one in read if known.get(one.id, one) != one}
            if other and not replaces:
                raise InvalidDefinition(
                    f"{', '.join(other)} {'is' if len(other) == 1 else 'are'} there already, not as in "
                    "the file; --replace takes what the file says"
                )
            for one in other.values():
                if one.id in PREDEFINED_IDS and one.rule != known[one.id].rule:
                    raise InvalidDefinition(
                        f"{one.id} is predefined, and its rule cannot be changed; give the one in the file "
                        "another id"
                    )
            added = [one for one in read if one.id not in known]
            if len(other) + len(added) > MOST_ROWS:
                raise InvalidDefinition(
                    f"the file changes {len(other) + len(added)} segments, {MOST_ROWS} can be imported at "
                    "once; split it into several files"
                )
            return replace(now, segments=(*(other.get(one.id, one) for one in now.segments), *added))

        return self.change(edit)


def _segment(definitions: Definitions, segment_id: str) -> Segment:
    for one in definitions.segments:
        if one.id == segment_id:
            return one
    there_are = ", ".join(one.id for one in definitions.segments)
    raise NotFound(f"there is no segment {segment_id}; there are {there_are}")


def _with(definitions: Definitions, segment_id: str, **facts: Any) -> Definitions:
    changed = replace(_segment(definitions, segment_id), **facts)
    return replace(
        definitions,
        segments=tuple(changed if one.id == segment_id else one for one in definitions.segments),
    )


def _new_id(definitions: Definitions, wanted: str, title: str) -> str:
    taken = {one.id for one in definitions.segments}
    if not wanted:
        return unused_id(title, taken)
    check_id(wanted)
    if wanted in taken:
        raise InvalidDefinition(f"there is a segment {wanted} already; take another id")
    return wanted
