"""What a cold start costs each function in CPU time, beside that of its clients alone.

    .venv/bin/python -m bench.cold_start              # two to three minutes
    .venv/bin/python -m bench.cold_start --python /path/to/python3.13

A fresh process imports the function's handler; another one imports boto3 and makes the same clients. Both
find bytecode of all they load. They take turns; each ratio is the median of those of neighbours, whom others
on the machine disturb alike.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.machine import described
from peoplesync_local.stack import local_template
from peoplesync_local.stack.places import CHECKOUT

TURNS: Final = 15
FUNCTIONS: Final = sorted(path.parent.name for path in (CHECKOUT / "functions").glob("*/app.py"))
ALLOWED: Final = {"receive_webhook": 1.25, "console": 1.1, "api": 2.0}
"""The goal as a ratio: somebody waits for the webhook; a page needs nothing; the API all there is."""

OTHERWISE_ALLOWED: Final = 1.4

HANDLER: Final = "import app"
HANDLER_TELLING: Final = """
from botocore.session import Session
make = Session.create_client
Session.create_client = lambda *args, **named: print(args[1]) or make(*args, **named)
import app
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("functions", nargs="*", default=FUNCTIONS)
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has the requirements")
    chosen = parser.parse_args()
    print(described(chosen.python, "boto3", "pynamodb", "aws-lambda-powertools"))
    with tempfile.TemporaryDirectory() as bytecode:
        for function in chosen.functions:
            folders = [CHECKOUT / "functions" / function, CHECKOUT / "layers" / "core"]
            environment = environment_of(function, folders) | {"PYTHONPYCACHEPREFIX": bytecode}
            measure(function, chosen.python, environment)


def measure(function: str, python: str, environment: Mapping[str, str]) -> None:
    told = subprocess.run(
        [python, "-c", HANDLER_TELLING], env=environment, check=True, capture_output=True, text=True
    )
    services = told.stdout.split()
    clients = "; ".join(["import boto3", *(f"boto3.client({service!r})" for service in services)])
    for code in (HANDLER, clients):
        cpu_seconds(python, code, environment)  # which writes the bytecode
    turns = [
        (cpu_seconds(python, HANDLER, environment), cpu_seconds(python, clients, environment))
        for _ in range(TURNS)
    ]
    handler, least = (statistics.median(seconds) for seconds in zip(*turns, strict=True))
    ratio = statistics.median(ours / theirs for ours, theirs in turns)
    allowed = ALLOWED.get(function, OTHERWISE_ALLOWED)
    print(
        f"{function:18} {1000 * handler:4.0f} ms, clients {1000 * least:4.0f} ms: "
        f"{ratio:.2f} x (goal {allowed}) {' '.join(services)}",
        flush=True,
    )


def cpu_seconds(python: str, code: str, environment: Mapping[str, str]) -> float:
    """CPU time of a process that runs the code."""
    process = subprocess.Popen([python, "-c", code], env=environment)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"failed: {code}")
    return used.ru_utime + used.ru_stime


def environment_of(function: str, path: Sequence[Path]) -> dict[str, str]:
    """The environment that the template gives a function, which finds its modules in these folders."""
    template = local_template.read(CHECKOUT / "template.yaml")
    (resource,) = (
        one["Properties"]
        for one in template["Resources"].values()
        if one["Properties"].get("CodeUri") == f"functions/{function}"
    )
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    variables = shared | resource["Environment"]["Variables"]
    return {
        **{name: _text(value, template) for name, value in variables.items()},
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, path)),
    }


def _text(value: Any, template: Mapping[str, Any]) -> str:
    """A variable's value: a parameter's default, or the name of what it stands for."""
    if not isinstance(value, dict):
        return str(value)
    name = str(next(iter(value.values())))
    return str(template["Parameters"].get(name, {}).get("Default", name))


if __name__ == "__main__":
    main()
