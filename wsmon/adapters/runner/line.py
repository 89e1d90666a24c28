"""The line to another machine: OpenSSH, and the agent that answers at its far end."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from wsmon.adapters.runner import supervise
from wsmon.domain.errors import OutsideError, Refused

NO_AGENT = 97
"""What the far end exits with where the agent has not been put yet."""
SSH_FAILED = 255
MAX_FOLDER_BYTES = 60
"""A socket's path has 104 bytes on a Mac; ours and what OpenSSH hangs on while it binds take 37."""
AGENT_FILES = ("supervise.py", "processes.py", "agent_place.py", "agent_runs.py", "agent.py")
"""What is put there. The last one is what is looked for: where a cut came between them, all are put again."""
# The agent's folder is its only way to its other half: -I keeps the environment and the working folder out.
_START = "import sys; sys.path.insert(0, sys.argv[1]); import agent; sys.exit(agent.main())"


@dataclass(frozen=True, slots=True)
class SshTarget:
    """How a machine is reached; what is empty is left to ssh_config."""

    host: str
    user: str = ""
    port: int | None = None
    identity_file: str = ""
    jump: str = ""
    known_hosts: str = ""
    host_key_checking: str = "yes"
    """`yes`, `accept-new` or `no`, as ssh_config's StrictHostKeyChecking."""
    connect_seconds: int = 10
    root: str = "~/.wsmon/runs"
    python: str = "python3"
    detach: str = "auto"

    def argv(self, control: str) -> list[str]:
        """The ssh command up to the destination."""
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": str(self.connect_seconds),
            "ControlMaster": "auto",
            "ControlPath": f"{control}/s",
            "ControlPersist": "60",
            "ServerAliveInterval": "5",
            "ServerAliveCountMax": "3",
            "StrictHostKeyChecking": self.host_key_checking,
            **({"UserKnownHostsFile": self.known_hosts} if self.known_hosts else {}),
            **({"IdentitiesOnly": "yes"} if self.identity_file else {}),
        }
        command = ["ssh", "-T"]
        for name, value in options.items():
            command += ["-o", f"{name}={value}"]
        command += ["-i", self.identity_file] if self.identity_file else []
        command += ["-J", self.jump] if self.jump else []
        command += ["-p", str(self.port)] if self.port else []
        command += ["-l", self.user] if self.user else []
        return [*command, "--", self.host]


class SshLine:
    """Asks the agent at a place; puts it there at the first need. Raises OutsideError where there is no answer."""

    def __init__(self, target: SshTarget, *, patience: float = 30.0) -> None:
        self.target, self._patience = target, patience
        self._control = tempfile.mkdtemp(prefix="wsmon-ssh-", dir=_short_folder())
        self._tidy = weakref.finalize(self, shutil.rmtree, self._control, ignore_errors=True)
        self.calls = 0

    @cached_property
    def _files(self) -> Mapping[str, bytes]:
        folder = Path(supervise.__file__).parent
        return {name: (folder / name).read_bytes() for name in AGENT_FILES}

    @cached_property
    def _agent(self) -> str:
        """Where the agent lies at the place: named by its content, so that versions live side by side."""
        name = hashlib.sha256(b"".join(self._files.values())).hexdigest()[:16]
        return f"~/.wsmon/agent-{name}"

    def ask(self, operation: str, **request: Any) -> dict[str, Any]:
        """One operation's answer. Raises Refused where the place says no."""
        command = f"test -e {_path(self._agent)}/agent.py || exit {NO_AGENT}; "
        command += f"exec {shlex.quote(self.target.python)} -I -S -X utf8 -c {shlex.quote(_START)} {_path(self._agent)}"
        text = json.dumps({"op": operation, "root": self.target.root, **request})
        done = self.run(command, text.encode())
        if done.returncode == NO_AGENT:
            self._put_agent()
            done = self.run(command, text.encode())
        try:
            reply: dict[str, Any] = json.loads(done.stdout.decode(errors="replace").strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise OutsideError(f"{self.target.host}: the far end failed: {said(done)}") from None
        if "refused" in reply:
            raise Refused(f"{self.target.host}: {reply['refused']}")
        return reply

    def _put_agent(self) -> None:
        place = _path(self._agent)
        for name, content in self._files.items():
            script = f"mkdir -p {place} && cat > {place}/{name}.$$ && mv {place}/{name}.$$ {place}/{name}"
            done = self.run(script, content)
            if done.returncode != 0:
                raise OutsideError(f"{self.target.host}: the agent cannot be put there: {said(done)}")

    def run(self, command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """One command line at the far end. Raises OutsideError where ssh itself failed."""
        self.calls += 1
        argv = [*self.target.argv(self._control), command]
        try:
            done = subprocess.run(argv, input=stdin, capture_output=True, timeout=self._patience, check=False)
        except subprocess.TimeoutExpired:
            raise OutsideError(f"{self.target.host} gave no answer within {self._patience:g} s") from None
        except OSError as error:
            raise OutsideError(f"ssh cannot be started: {error.strerror}; install OpenSSH's client") from None
        if done.returncode == SSH_FAILED:
            raise OutsideError(f"{self.target.host} cannot be reached: {said(done)}")
        return done

    def close(self) -> None:
        """End the shared connection."""
        argv = self.target.argv(self._control)
        subprocess.run([argv[0], "-O", "exit", *argv[1:]], capture_output=True, check=False, timeout=10)
        self._tidy()


def _short_folder() -> str | None:
    """Where the shared connection's socket may lie: a socket's path is short, and TMPDIR may be long."""
    return None if len(os.fsencode(tempfile.gettempdir())) <= MAX_FOLDER_BYTES else "/tmp"  # noqa: S108  a folder of one's own in it


def _path(path: str) -> str:
    """A path for the far end's shell; a leading ~/ stays the home folder there."""
    if path.startswith("~/"):
        return f'"$HOME"/{shlex.quote(path[2:])}'
    return shlex.quote(path)


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """The last line of what a command that failed told."""
    lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    return (lines[-1] if lines else f"exit code {done.returncode}")[:300]
