"""The local stack's use cases: bring it up, take it down, show how it is.

A stack is two processes (the emulator of AWS, the simulator of Stripe) and one state file that names them.
Against the real Stripe there is no simulator, and the time is the real one. The file is
written as soon as a process runs, so that whatever happens to the command that started it, the next one knows
what to stop.
"""

from __future__ import annotations

import fcntl
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Any, Literal

from peoplesync_local import LocalStackError, stripe_simulator
from peoplesync_local.stack import emulator, packages, processes
from peoplesync_local.stack.aws_session import LocalSession, environment
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.processes import Process
from peoplesync_local.stripe_simulator.control import LISTENING

STACK_NAME = "peoplesync-local"
STRIPE_KEY = "rk_test_local_stack"
_SIMULATOR_SECONDS = 30.0

Report = Callable[[str], None]


@dataclass(frozen=True)
class LocalStack:
    """A running stack, and how to reach it. `stripe`, the simulator, `stripe_api_url` and
    `stripe_api_key` are None and empty where the stack asks the real Stripe."""

    name: str
    region: str
    endpoint: str
    api_url: str
    stripe_api_url: str
    stripe_api_key: str
    outputs: Mapping[str, str]
    log_groups: Mapping[str, str]
    deployed: str
    emulator: Process
    stripe: Process | None

    @property
    def processes(self) -> list[Process]:
        return [self.emulator] if self.stripe is None else [self.emulator, self.stripe]

    def session(self) -> LocalSession:
        """Clients for this stack's emulator that know nothing of the user's AWS account."""
        return LocalSession(self.endpoint, self.region)

    def environment(self) -> dict[str, str]:
        """The same as environment variables, for libraries that make their own clients."""
        return environment(self.endpoint, self.region)


Prepare = Callable[[LocalStack], None]


@dataclass(frozen=True)
class Status:
    """How the stack is: `up`, `down`, or `broken` (its processes were killed), and the same in a sentence."""

    state: Literal["up", "down", "broken"]
    sentence: str
    stack: LocalStack | None = None


def up(
    report: Report,
    prepare: Prepare | None = None,
    *,
    places: Places | None = None,
    port: int | None = None,
    simulated: bool = True,
    parameters: Mapping[str, str] | None = None,
) -> LocalStack:
    """Bring the stack up and return it; if it is up already, say so and return that.

    `prepare` is given the deployed stack and fills it before anyone else sees it. `port` is the emulator's,
    by default a free one. `simulated` says whether Stripe is the simulator, or the real one; `parameters` are
    the template's, beside those for a laptop. A stack whose processes were killed is cleared away and started
    afresh, empty. An interrupted or failed start leaves nothing running. Raises LocalStackError.
    """
    places = places or Places()
    with _locked(places, report), _terminable():
        found = status(places=places)
        if found.stack is not None:
            if simulated is (found.stack.stripe is None):
                against = "the real Stripe" if simulated else "the simulator of Stripe"
                raise LocalStackError(f"The local stack is up against {against}; `make down` stops it.")
            report(found.sentence)
            if found.stack.deployed != packages.fingerprint(places):
                report("The code has changed since: `peoplesync local down`, then `up`, deploys it.")
            return found.stack
        if found.state == "broken":
            report(found.sentence)
        _clear(places)
        try:
            stack = _start(report, places, port, simulated=simulated, parameters=parameters or {})
            if prepare is not None:
                prepare(stack)
            _write(places, stack.processes, stack)
        except BaseException:
            _clear(places)
            raise
    return stack


def down(report: Report, *, places: Places | None = None) -> bool:
    """Stop all that runs and remove what it wrote, logs apart. Whether there was anything to stop."""
    places = places or Places()
    with _locked(places, report):
        stopped = _clear(places)
    report("The local stack is stopped." if stopped else "The local stack was not up.")
    return stopped


def status(*, places: Places | None = None) -> Status:
    """How the stack is, without changing anything."""
    places = places or Places()
    known, stack = recorded(places)
    if not known:
        return Status("down", "The local stack is not up: `peoplesync local up` starts it.")
    if stack is None:
        return Status(
            "broken", "The local stack's start was cut short: `peoplesync local up` starts it afresh."
        )
    lost = [
        name
        for name, process in (("emulator", stack.emulator), ("simulator of Stripe", stack.stripe))
        if process is not None and not processes.is_running(process)
    ]
    if not lost and not emulator.is_healthy(stack.endpoint):
        lost = ["emulator"]
    if lost:
        gone = " and its ".join(lost)
        return Status(
            "broken", f"The local stack's {gone} was killed: `peoplesync local up` starts it afresh, empty."
        )
    return Status("up", f"The local stack is already up at {stack.endpoint}.", stack)


def running(*, places: Places | None = None) -> LocalStack | None:
    """The stack if it is up, None if it is down. Raises LocalStackError if its processes were killed."""
    found = status(places=places)
    if found.state == "broken":
        raise LocalStackError(found.sentence)
    return found.stack


def _start(
    report: Report, places: Places, port: int | None, *, simulated: bool, parameters: Mapping[str, str]
) -> LocalStack:
    # Only a start needs SAM's translator, and every command would wait half a second for its import.
    from peoplesync_local.stack.deploy import deploy

    started: list[Process] = []

    def remember(process: Process) -> None:
        started.append(process)
        _write(places, started, None)

    report("Starting the emulator of AWS")
    aws = emulator.start(places, port, remember)
    stripe, stripe_url = _start_simulator(places, remember) if simulated else (None, "")
    session = LocalSession(aws.endpoint, emulator.REGION)
    deployment = deploy(
        session,
        places,
        stack=STACK_NAME,
        function_environment=_simulated_environment(stripe_url) if simulated else {},
        report=report,
        parameters=parameters,
    )
    return LocalStack(
        name=STACK_NAME,
        region=emulator.REGION,
        endpoint=aws.endpoint,
        api_url=deployment.outputs["ApiUrl"],
        stripe_api_url=stripe_url,
        stripe_api_key=STRIPE_KEY if simulated else "",
        outputs=deployment.outputs,
        log_groups=deployment.log_groups,
        deployed=packages.fingerprint(places),
        emulator=aws.process,
        stripe=stripe,
    )


def _simulated_environment(stripe_url: str) -> dict[str, str]:
    """What turns the functions to the simulator, for its objects and for its time."""
    return {"PEOPLESYNC_STRIPE_API_URL": stripe_url, "PEOPLESYNC_CLOCK_URL": clock_url(stripe_url)}


def clock_url(stripe_url: str) -> str:
    """Where the simulator of Stripe answers what time it is, for the whole local system."""
    return f"{stripe_url}/_clock"


def _start_simulator(places: Places, remember: Callable[[Process], None]) -> tuple[Process, str]:
    """Start the simulator of Stripe on a free port; its first words are its address."""
    command = [sys.executable, "-m", stripe_simulator.__name__, "--port", "0", "--key", STRIPE_KEY]
    process = processes.start(command, environment={"PYTHONUNBUFFERED": "1"}, log=places.stripe_log)
    remember(process)
    deadline = time.monotonic() + _SIMULATOR_SECONDS
    while time.monotonic() < deadline and processes.is_running(process):
        first_line, complete, _ = places.stripe_log.read_text().partition("\n")
        if complete and first_line.startswith(LISTENING):
            return process, first_line.removeprefix(LISTENING)
        time.sleep(0.02)
    raise LocalStackError(f"The simulator of Stripe did not start; its log is in {places.stripe_log}.")


def _clear(places: Places) -> bool:
    """Stop every process that the state file names, and forget them. Whether there were any."""
    known, _ = recorded(places)
    for process in known:
        emulator.stop(process, places)
    places.state_file.unlink(missing_ok=True)
    return bool(known)


def _write(places: Places, running_processes: list[Process], stack: LocalStack | None) -> None:
    state = {
        "processes": [asdict(process) for process in running_processes],
        "stack": stack and asdict(stack),
    }
    draft = places.state_file.with_suffix(".draft")
    draft.write_text(json.dumps(state, indent=2) + "\n")
    draft.replace(places.state_file)


def recorded(places: Places) -> tuple[list[Process], LocalStack | None]:
    """The processes that the state file names, and the stack if its start was completed."""
    try:
        state: dict[str, Any] = json.loads(places.state_file.read_text())
    except FileNotFoundError:
        return [], None
    known = [Process(**process) for process in state["processes"]]
    if not state["stack"]:
        return known, None
    fields = state["stack"]
    fields.update({name: fields[name] and Process(**fields[name]) for name in ("emulator", "stripe")})
    return known, LocalStack(**fields)


@contextmanager
def _locked(places: Places, report: Report) -> Iterator[None]:
    """One command at a time starts or stops a stack; the next one waits."""
    places.state_directory.mkdir(parents=True, exist_ok=True)
    with places.lock_file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("Waiting for another command that is starting or stopping this local stack")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _terminable() -> Iterator[None]:
    """Let a polite kill or a closed terminal end a start as Ctrl-C does: with everything stopped again."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    previous = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
