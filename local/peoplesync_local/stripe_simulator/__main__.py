"""The simulator as a process: `python -m peoplesync_local.stripe_simulator --port 0 --key rk_test_…`."""

from __future__ import annotations

import argparse
import contextlib

from peoplesync_local.stripe_simulator.control import LISTENING
from peoplesync_local.stripe_simulator.http.server import Server


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m peoplesync_local.stripe_simulator", description="Simulates Stripe's API."
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port of 127.0.0.1 to listen on; 0 takes a free one"
    )
    parser.add_argument(
        "--key", action="append", default=[], help="an API key with all permissions; may be given repeatedly"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same ids")
    arguments = parser.parse_args()
    server = Server(arguments.port, arguments.key, seed=arguments.seed, ticking=True, logging=True)
    print(LISTENING + server.url, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
