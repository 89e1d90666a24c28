"""What `wsmon doctor` asks of what lies beyond the store: the bucket, the clusters' head nodes, AWS. Nothing is changed there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from wsmon.domain.errors import OutsideError
from wsmon.services.checking import Finding
from wsmon.wiring_pool import ssh_runner

if TYPE_CHECKING:
    from wsmon.engine import Engine
    from wsmon.settings import ClusterSettings

LEAST_PYTHON = (3, 7)
AT_ONCE = 16
_ADVICE = {
    "host key": "look at the key, then ssh there once by hand, or set host_key_checking",
    "permission denied": "check user and identity_file, or load the key into the agent",
    "could not resolve": "check host, or the jump host's name",
    "control": "check jump, and that its own key is known",
}


def reach(engine: Engine) -> Iterator[Finding]:
    """Whether what the settings name beyond the store can be reached from here."""
    if engine.settings.catalog.bucket is not None:
        yield _bucket(engine, engine.settings.catalog.bucket)
    clusters = engine.settings.clusters
    if clusters:
        with ThreadPoolExecutor(min(AT_ONCE, len(clusters))) as pool:
            yield from pool.map(lambda one: _head_node(engine, *one), clusters.items())
    if engine.settings.parallelcluster.enabled:
        yield _parallelcluster(engine)


def _bucket(engine: Engine, name: str) -> Finding:
    prefix = engine.settings.catalog.prefix.strip("/")
    try:
        why = engine.bucket().exists(name, f"{prefix}/" if prefix else "")
    except OutsideError as error:
        why = str(error)
    where = f"s3://{name}/{prefix}"
    if why in {"", "there is nothing under it"}:
        return Finding("bucket", "ok", f"{where} can be listed" + (", and is empty" if why else ""))
    return Finding("bucket", "fail", f"{where}: {why}", "check [catalog], the region and the rights (s3:ListBucket)")


def _head_node(engine: Engine, name: str, chosen: ClusterSettings) -> Finding:
    """Whether it answers, with a Python that the agent can use there."""
    what, runner = f"cluster {name}", ssh_runner(engine, chosen)
    version = "import sys; print(*sys.version_info[:2])"
    line = f"{shlex.quote(chosen.python)} -c {shlex.quote(version)}; command -v tmux || true"
    try:
        python, _, tmux = runner.shell(line).strip().partition("\n")
    except OutsideError as error:
        text = str(error)
        advice = next((said for word, said in _ADVICE.items() if word in text.lower()), "try ssh there by hand")
        return Finding(what, "warn", text, advice)
    finally:
        runner.close()
    numbers = tuple(int(part) for part in python.split() if part.isdigit())
    if len(numbers) != len(LEAST_PYTHON) or numbers < LEAST_PYTHON:
        has = f"Python {python.replace(' ', '.')}" if numbers else f"no {chosen.python}"
        return Finding(what, "warn", f"{chosen.host} has {has}", "name a Python of 3.7 or newer there by `python`")
    found = f"Python {python.replace(' ', '.')}" + (" and tmux" if tmux else "")
    return Finding(what, "ok", f"{chosen.host} answers, with {found}")


def _parallelcluster(engine: Engine) -> Finding:
    from wsmon.adapters.parallelcluster import ParallelClusters

    chosen, store = engine.settings.parallelcluster, engine.settings.store
    source = ParallelClusters(region=chosen.region or store.region, profile=store.profile)
    found = source.clusters(engine.clock.now())
    if source.problem:
        advice = "check credentials and region, and the rights cloudformation:DescribeStacks, ec2:DescribeInstances"
        return Finding("AWS", "fail", f"ParallelCluster: {source.problem}", advice)
    names = [one.name for one in found if not chosen.names or one.name in chosen.names]
    missing = [name for name in chosen.names if name not in names]
    if missing:
        return Finding("AWS", "warn", f"ParallelCluster has no {', '.join(missing)}", "check parallelcluster.names")
    return Finding(
        "AWS",
        "ok",
        f"{len(names)} of ParallelCluster's clusters found" + (f": {', '.join(names[:5])}" if names else ""),
    )
