"""From the files of a workset folder, wherever it lies, to what is registered."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Protocol

from wsmon.adapters import workfile
from wsmon.domain.errors import InvalidInput
from wsmon.domain.spec import WorksetSpec, check_name, parse_priority
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import Instant, isoformat
from wsmon.ports import CatalogEntry

PROVENANCE_CHARS = 20_000
NEEDED = (workfile.WORK, workfile.SAMPLES, workfile.INFO)


class WorksetFiles(Protocol):
    """A workset folder as a catalog hands it over."""

    @property
    def name(self) -> str:
        """The folder's own name: the workset id."""

    @property
    def place(self) -> tuple[str, str]:
        """Bucket and prefix."""

    @property
    def children(self) -> Mapping[str, Instant]:
        """Its direct files, each with when it was written."""

    def has_data(self) -> bool:
        """Whether there is something under `sample_data/`."""

    def read(self, name: str) -> bytes:
        """A direct file's content, cut off past what any of them may hold. Raises InvalidInput."""


def sentinel_in(names: Container[str]) -> tuple[str, WorksetState] | None:
    """The sentinel that says how a folder stands, by its precedence, or None where there is none."""
    for word, state in workfile.PRECEDENCE.items():
        if f"{workfile.SENTINEL}{word}" in names:
            return f"{workfile.SENTINEL}{word}", state
    return None


def entry_of(files: WorksetFiles, sentinel: str, state: WorksetState, extra: Mapping[str, Any]) -> CatalogEntry:
    """The folder as an entry; `extra` goes into the metadata. Everything that is wrong is told together."""
    bucket, prefix = files.place
    source = prefix if bucket == "file" else f"s3://{bucket}/{prefix}"
    written = files.children[sentinel]
    try:
        body = files.read(sentinel)[:4096].decode("utf-8", errors="replace")
        check_name("the folder's name", files.name)
        check_name("the folder's path", prefix, 1024)
    except InvalidInput as error:
        return CatalogEntry(source, None, state, written, str(error))
    since = workfile.sentinel_time(body, written)
    priority, found, problems = contents(files)
    requirements = found.pop("requirements", {})
    affinity = found.get("cluster_name")
    metadata = {**extra, "since": isoformat(since), **found}
    try:
        spec = WorksetSpec(files.name, bucket, prefix, priority, metadata, requirements, affinity)
    except InvalidInput as error:
        problems.append(str(error))
        spec = WorksetSpec(files.name, bucket, prefix, priority, {**extra, "since": isoformat(since)})
    if state is WorksetState.ERROR:
        problems = [body.partition("\t")[2].strip() or "no message", *problems]
    return CatalogEntry(source, spec, state, since, "; ".join(problems) or None)


def contents(files: WorksetFiles) -> tuple[WorksetPriority, dict[str, Any], list[str]]:
    """Priority and metadata, with everything that is wrong, together."""
    problems: list[str] = []
    metadata: dict[str, Any] = {}
    priority = WorksetPriority.NORMAL
    for name in NEEDED:
        if name not in files.children:
            problems.append(f"{name} is missing")
            continue
        try:
            content = files.read(name)
            if name == workfile.WORK:
                metadata |= workfile.parse_work(content)
                priority = parse_priority(str(metadata.pop("priority", priority)))
            elif name == workfile.SAMPLES:
                metadata["samples"] = workfile.sample_count(content)
            else:
                metadata["daylily_info"] = content.decode("utf-8", errors="replace")[:PROVENANCE_CHARS]
        except InvalidInput as error:
            problems.append(str(error))
    if not files.has_data():
        problems.append(f"{workfile.SAMPLE_DATA}/ is missing or empty")
    return priority, metadata, problems
