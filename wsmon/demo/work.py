"""What a demo workset runs: `work.py EFFECTS SECONDS OUTCOME`, with the standard library alone.

Appends one line at its start and one at its end, each in one write, so that two runs of one
workset at the same time would be seen. OUTCOME: an exit code, `once-CODE` (fails at the first
attempt only) or `hang`.
"""

from __future__ import annotations

import os
import signal
import sys
import time

STEPS = ("stage", "align", "dedup", "call", "export")


def main() -> int:
    """Work for a while, and end as told."""
    effects = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    seconds, outcome = float(sys.argv[2]), sys.argv[3]
    token, attempt = os.environ["WSMON_FENCING_TOKEN"], int(os.environ["WSMON_ATTEMPT"])
    name = os.environ["WSMON_WORKSET_ID"]

    def tell(what: str) -> None:
        os.write(effects, f"{what}\t{name}\t{token}\n".encode())

    def ended(number: int, frame: object) -> None:
        del frame
        tell("end")
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, ended)
    tell("start")
    if outcome == "hang":
        print("waiting for a lock that nobody gives back", flush=True)
        time.sleep(3600)
    for step in STEPS:
        print(f"{step}: done", flush=True)
        time.sleep(seconds / len(STEPS))
    first, _, code = outcome.partition("once-")
    fails = code and attempt == 1
    number = int(code) if fails else int(first or 0)
    if number:
        print(f"cannot go on: simulated failure {number}", flush=True)
    tell("end")
    return number


if __name__ == "__main__":
    sys.exit(main())
