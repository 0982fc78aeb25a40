"""docs/api.md begins with lines that get a token and list who is past due: they do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from peoplesync_local.stack.places import CHECKOUT, Places
from tests.support.stacks.stack_company import Company

COMMAND = """#!{python}
import sys
from pathlib import Path
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.target import of_local
from peoplesync_local.stack import stack
from peoplesync_local.stack.places import Places
running = stack.running(places=Places(state_directory=Path({state!r})))
options.resolve = lambda _: of_local(running)
main()
"""


def test_the_first_lines_list_who_is_past_due(company: Company, places: Places, tmp_path: Path) -> None:
    lines = re.findall(r"^```sh\n(.*?)^```", (CHECKOUT / "docs/api.md").read_text(), re.M | re.S)[0]
    command = tmp_path / "peoplesync"
    state = str(places.state_directory)
    command.write_text(COMMAND.format(python=sys.executable, state=state))
    command.chmod(0o700)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = lines.replace("connections/main/", f"connections/{company.name}/")
    done = subprocess.run(["/bin/sh", "-e", "-c", script], env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    listed = [one["id"] for one in json.loads(done.stdout)["items"]]
    expected = company.target.browser(company.name).list_people("past_due_subscriptions")
    assert listed == [one["id"] for one in expected][:20]
