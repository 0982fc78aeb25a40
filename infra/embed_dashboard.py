"""Puts infra/dashboard.json into template.yaml, as the resource `Dashboard`.

    python infra/embed_dashboard.py            # after changing the dashboard
    python infra/embed_dashboard.py --check    # says whether the template holds it; exits with 1 if not

CloudFormation takes a dashboard's body only as text in the template, which nobody can read or review. So
the body is kept in a file of its own, and the template holds a copy: one line a widget, for the sake of
diffs. In it `${AWS::StackName}` and other pseudo parameters are replaced by `Fn::Sub`; so there may be no
other `${` in it.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "infra" / "dashboard.json"
TEMPLATE = ROOT / "template.yaml"

FIRST = "  # infra/dashboard.json begins: change it there, then run infra/embed_dashboard.py"
LAST = "  # infra/dashboard.json ends"

_BETWEEN = re.compile(f"^{re.escape(FIRST)}\n.*?^{re.escape(LAST)}\n", re.MULTILINE | re.DOTALL)
_PLACEHOLDER = re.compile(r"\$\{(?!AWS::(AccountId|Partition|Region|StackName)\})")


def resource(body: dict[str, Any]) -> str:
    """The lines of template.yaml from one marker to the other. A folded scalar joins its lines with spaces,
    which mean nothing between the parts of JSON."""
    head = {key: value for key, value in body.items() if key != "widgets"}
    widgets = [_compact(widget) for widget in body["widgets"]]
    lines = [
        FIRST,
        "  Dashboard:",
        "    Type: AWS::CloudWatch::Dashboard",
        "    Properties:",
        "      DashboardName: !Ref AWS::StackName",
        "      DashboardBody: !Sub >-",
        f"        {_compact(head)[:-1]},",
        '        "widgets":[',
        *(f"        {widget}," for widget in widgets[:-1]),
        f"        {widgets[-1]}",
        "        ]}",
        LAST,
    ]
    return "\n".join(lines) + "\n"


def embedded(template: str, body: dict[str, Any]) -> str:
    """The template with this dashboard in it. Raises ValueError where that cannot be."""
    text = resource(body)
    if stray := _PLACEHOLDER.search(text):
        raise ValueError(f"Fn::Sub would not know {text[stray.start() :][:40]}")
    found = len(_BETWEEN.findall(template))
    if found != 1:
        raise ValueError(f"template.yaml has {found} pairs of the dashboard's markers, and has to have one")
    return _BETWEEN.sub(lambda _: text, template)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    before = TEMPLATE.read_text()
    try:
        after = embedded(before, json.loads(SOURCE.read_text()))
    except ValueError as error:
        print(error)
        return 1
    if arguments:
        print("The template holds the dashboard." if after == before else "The template is out of date.")
        return int(after != before)
    if after != before:
        TEMPLATE.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
