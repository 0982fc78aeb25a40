"""The entry point of `peoplesync`."""

from __future__ import annotations

import click

from peoplesync_cli.connecting.connect import connect
from peoplesync_cli.connecting.connections import connections, disconnect, rotate_secret
from peoplesync_cli.connecting.keys import keys
from peoplesync_cli.connecting.users import users
from peoplesync_cli.defining.fields import fields
from peoplesync_cli.defining.history import history
from peoplesync_cli.defining.segments import segments
from peoplesync_cli.jobs.imports import imports
from peoplesync_cli.jobs.queries import queries
from peoplesync_cli.jobs.reconcile import reconcile
from peoplesync_cli.jobs.reevaluation import reevaluate
from peoplesync_cli.jobs.replay import replay
from peoplesync_cli.local_stack.demo import demo
from peoplesync_cli.local_stack.local import local
from peoplesync_cli.operating.console import console
from peoplesync_cli.operating.dead import dead
from peoplesync_cli.operating.logs import logs
from peoplesync_cli.operating.pause import pause, resume
from peoplesync_cli.operating.publish import publish
from peoplesync_cli.operating.status import status
from peoplesync_cli.people.browse import feed, people
from peoplesync_cli.people.check import check
from peoplesync_cli.people.erase import erase, readmit
from peoplesync_cli.people.reindex import reindex
from peoplesync_cli.people.report import report
from peoplesync_cli.people.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="peoplesync")
def main() -> None:
    """A people database in step with Stripe, in your own AWS account.

    Every command acts on one stack: the one named with --stack (or PEOPLESYNC_STACK), in the AWS account and
    region of the usual profile; else this checkout's running local stack.

    Exit codes: 0 done · 1 not done (no person found, events refused or dead) · 2 not understood · 3 no stack
    to act on.
    """


for command in (check, erase, readmit):
    people.add_command(command)
segments.add_command(history)

for command in (
    local,
    demo,
    connect,
    connections,
    disconnect,
    rotate_secret,
    keys,
    users,
    imports,
    reconcile,
    reevaluate,
    queries,
    verify,
    reindex,
    status,
    console,
    people,
    feed,
    report,
    segments,
    fields,
    pause,
    resume,
    publish,
    dead,
    logs,
    replay,
):
    main.add_command(command)
