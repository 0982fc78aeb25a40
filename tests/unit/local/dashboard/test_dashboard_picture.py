"""The dashboard's picture: values are where they belong, and it looks the same each time."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from peoplesync.use_cases.metrics import Metric
from peoplesync_cli.main import main
from peoplesync_local.dashboard.alarms import Alarm
from peoplesync_local.dashboard.emf import samples
from peoplesync_local.dashboard.picture import drawn, filled_in
from peoplesync_local.dashboard.svg import shortened, width_of
from peoplesync_local.stack import stack as local_stack
from peoplesync_local.stack.places import Places
from tests.support.fakes.emf_lines import MIDNIGHT, MINUTE, STACK, a_day, emf_line

SVG = "{http://www.w3.org/2000/svg}"
DEAD = Alarm(f"{STACK}-dead-letters", "ALARM", "Is anything dead?", "dead-letters.md")


def picture(
    properties: dict[str, Any], lines: list[str], *, kind: str = "metric", alarms: tuple[Alarm, ...] = ()
) -> ElementTree.Element:
    """A dashboard of one widget, 12 columns wide and 6 rows high."""
    widget = {"type": kind, "x": 0, "y": 0, "width": 12, "height": 6, "properties": properties}
    return ElementTree.fromstring(drawn({"widgets": [widget]}, samples(lines), alarms, STACK))  # noqa: S314 - ours


def chart(**changed: Any) -> dict[str, Any]:
    return {
        "title": "People & customers",
        "view": "timeSeries",
        "stat": "Maximum",
        "period": 60,
        "yAxis": {"left": {"label": "people", "min": 0}},
        "metrics": [["peoplesync", "People", "service", STACK, {"label": "people", "color": "#123456"}]],
    } | changed


def words(picture: ElementTree.Element, class_: str) -> list[str]:
    return ["".join(one.itertext()) for one in picture.iter(f"{SVG}text") if one.get("class") == class_]


def marked(picture: ElementTree.Element, class_: str) -> Iterator[ElementTree.Element]:
    return (one for one in picture.iter() if class_ in (one.get("class") or "").split())


def places(path: ElementTree.Element) -> list[tuple[float, float]]:
    steps = (path.get("d") or "").strip("MZ").split("L")
    return [(float(step.split()[0]), float(step.split()[1])) for step in steps]


RISING = [emf_line(MIDNIGHT + minute * MINUTE, {Metric.PEOPLE: minute * 10}) for minute in range(61)]


class TestDrawing:
    def test_a_line_runs_from_the_first_value_to_the_last_on_the_scale_of_its_ticks(self) -> None:
        drawing = picture(chart(), RISING)

        [line] = marked(drawing, "line")
        (left, bottom), *_, (right, top) = places(line)
        grid = sorted(float(one.get("d", "").split()[1].split("H")[0]) for one in marked(drawing, "grid"))
        labels = [word for word in words(drawing, "tick") if ":" not in word]
        assert labels == ["0", "200", "400", "600", "800"]
        assert bottom == grid[-1]
        # 600 of 800, one of whose grid lines it is.
        assert top == pytest.approx(grid[1], abs=0.1)
        assert left < right
        assert words(drawing, "title") == ["People & customers"]
        assert words(drawing, "unit") == ["people"]

    def test_the_axis_of_time_is_in_utc_and_its_labels_are_where_their_moments_are(self) -> None:
        drawing = picture(chart(), RISING)

        [line] = marked(drawing, "line")
        at = {"".join(one.itertext()): float(one.get("x", "")) for one in marked(drawing, "tick")}
        xs = [x for x, _ in places(line)]
        assert at["00:00"] == pytest.approx(xs[0], abs=0.1)
        assert at["00:30"] == pytest.approx((xs[0] + xs[-1]) / 2, abs=0.1)

    def test_a_threshold_is_where_its_value_is(self) -> None:
        line = {"label": "alarm: crowd", "value": 400, "color": "#ff0000"}
        drawing = picture(chart(annotations={"horizontal": [line]}), RISING)

        [threshold] = marked(drawing, "threshold")
        grid = sorted(float(one.get("d", "").split()[1].split("H")[0]) for one in marked(drawing, "grid"))
        assert float(threshold.get("d", "").split()[1].split("H")[0]) == grid[2]
        assert words(drawing, "alarm-line") == ["alarm: crowd 400"]

    def test_a_sum_says_over_which_time_and_counts_nothing_as_zero(self) -> None:
        shown = [
            [{"id": "e1", "expression": "FILL(m1, 0)", "label": "applied", "color": "#00ff00"}],
            ["peoplesync", "ChangesApplied", "service", STACK, {"id": "m1", "visible": False}],
        ]
        lines = [emf_line(MIDNIGHT + at * MINUTE, {Metric.CHANGES_APPLIED: 4}) for at in (0, 30, 60)]
        drawing = picture(chart(stat="Sum", metrics=shown), lines)

        [line] = marked(drawing, "line")
        assert words(drawing, "unit") == ["people in 1 min"]
        levels = [y for _, y in places(line)]
        assert levels.count(max(levels)) == 4
        assert levels.count(min(levels)) == 3

    def test_areas_lie_upon_each_other(self) -> None:
        shown = [
            ["peoplesync", name, "service", STACK, {"label": name, "color": color}]
            for name, color in (("LiveWaiting", "#000001"), ("BulkWaiting", "#000002"))
        ]
        lines = [
            emf_line(MIDNIGHT + at * MINUTE, {Metric.LIVE_WAITING: 1, Metric.BULK_WAITING: 2})
            for at in range(60)
        ]
        drawing = picture(chart(stacked=True, metrics=shown), lines)

        areas = {area.get("fill"): places(area) for area in marked(drawing, "area")}
        live = {y for _, y in areas["#000001"]}
        bulk = {y for _, y in areas["#000002"]}
        assert max(bulk) == min(live)
        assert max(live) - min(live) == pytest.approx((max(bulk) - min(bulk)) / 2, abs=0.2)

    def test_a_chart_without_values_says_so(self) -> None:
        drawing = picture(chart(), [emf_line(MIDNIGHT, {Metric.DEAD_LETTERS: 0})])

        assert words(drawing, "quiet") == ["none so far"]

    def test_a_number_is_the_newest_or_that_of_all_the_time(self) -> None:
        now = picture(chart(view="singleValue"), RISING)
        ever = picture(chart(view="singleValue", stat="Sum", setPeriodToTimeRange=True), RISING)
        unknown = picture(chart(view="singleValue"), [emf_line(MIDNIGHT, {Metric.DEAD_LETTERS: 0})])

        assert words(now, "number") == ["600"]
        assert words(ever, "number") == ["18.3k"]
        assert words(unknown, "number") == ["–"]

    def test_a_gauge_is_filled_up_to_its_value(self) -> None:
        limits = {"left": {"min": 0, "max": 1200}}
        drawing = picture(chart(view="gauge", yAxis=limits), RISING)

        [ring] = marked(drawing, "ring")
        [filled] = marked(drawing, "ring-filled")
        left, right = float(ring.get("d", "")[1:].split()[0]), float(ring.get("d", "").split()[-2])
        # Half of it: its end is above the middle.
        assert float(filled.get("d", "").split()[-2]) == pytest.approx((left + right) / 2, abs=0.1)
        assert words(drawing, "number") == ["600"]

    def test_an_alarm_that_is_on_comes_first_and_says_what_to_read(self) -> None:
        arn = f"arn:aws:cloudwatch:eu-central-1:000000000000:alarm:{STACK}-"
        alarms = (
            Alarm(f"{STACK}-lag", "OK"),
            Alarm(f"{STACK}-dead-letters", "ALARM", "Is anything <dead>?", "dead-letters.md"),
        )
        properties = {"title": "Alarms", "alarms": [arn + "lag", arn + "stuck", arn + "dead-letters"]}
        drawing = picture(properties, RISING, kind="alarm", alarms=alarms)

        assert words(drawing, "tile") == ["dead-letters", "stuck", "lag"]
        assert words(drawing, "sign") == ["!", "?", "✓"]
        assert words(drawing, "asked") == ["Is anything <dead>? Yes: read dead-letters.md"]

    def test_a_text_is_a_heading_and_what_it_says(self) -> None:
        drawing = picture({"markdown": "## Is it?\nAsk `status` of **this**."}, RISING, kind="text")

        assert words(drawing, "question") == ["Is it?"]
        assert words(drawing, "answer") == ["Ask status of this."]

    @pytest.mark.parametrize(
        ("properties", "kind"),
        [
            (chart(view="pie"), "metric"),
            (chart(metrics=[[{"expression": "RATE(m1)", "label": "r", "color": "#000000"}]]), "metric"),
            (chart(), "log"),
        ],
    )
    def test_what_is_not_known_is_refused_and_not_left_out(
        self, properties: dict[str, Any], kind: str
    ) -> None:
        with pytest.raises(ValueError, match=r"is not an? .* that is drawn"):
            picture(properties, RISING, kind=kind)

    def test_words_that_are_too_long_are_shortened_to_fit(self) -> None:
        assert shortened("brief", 11, 100) == "brief"
        assert shortened("somewhat longer than that", 11, 100).endswith("…")
        assert width_of(shortened("somewhat longer than that", 11, 100), 11) <= 100


class TestTheWholeDashboard:
    BODY = json.loads(
        filled_in((Places().checkout / "infra" / "dashboard.json").read_text(), STACK, "eu-central-1")
    )

    def test_a_day_is_drawn_the_same_each_time_and_refers_to_nothing_outside(self) -> None:
        first, second = (drawn(self.BODY, samples(a_day()), [DEAD], STACK) for _ in range(2))

        assert first == second
        assert "${" not in first
        assert first.count("http") == 1  # the name space
        for outside in ("href", "url(", "<script", "<image", "@import"):
            assert outside not in first

    def test_a_day_shows_its_dead_letter_and_its_import(self) -> None:
        drawing = ElementTree.fromstring(drawn(self.BODY, samples(a_day()), [DEAD], STACK))  # noqa: S314 - ours

        assert words(drawing, "tile")[0] == "dead-letters"
        assert words(drawing, "number")[:2] == ["1", "1"]
        assert {"2,001", "1,955"} <= set(words(drawing, "number"))
        assert words(drawing, "span") == ["2026-03-01 00:00 – 23:58 UTC (1 d)"]

    def test_everything_is_within_the_picture(self) -> None:
        drawing = ElementTree.fromstring(drawn(self.BODY, samples(a_day()), [], STACK))  # noqa: S314 - ours

        width, height = float(drawing.get("width", "")), float(drawing.get("height", ""))
        for one in drawing.iter(f"{SVG}text"):
            assert 0 < float(one.get("x", "")) < width
            assert 0 < float(one.get("y", "")) < height


def test_without_a_local_stack_there_is_nothing_to_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_stack, "running", lambda: None)

    result = CliRunner().invoke(main, ["local", "dashboard"])

    assert result.exit_code == 3
