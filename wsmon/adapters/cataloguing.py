"""From the files of a workset folder, wherever it lies, to what is registered."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from wsmon.adapters import workfile
from wsmon.domain.errors import InvalidInput
from wsmon.domain.needs import check_requirements
from wsmon.domain.spec import MAX_TEXT_BYTES, Facts, WorksetSpec, check_document, check_name, parse_priority
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
    facts, problems = contents(files)
    own = {**extra, "since": isoformat(since)}
    try:
        metadata = {**own, **facts.metadata}
        spec = WorksetSpec(files.name, bucket, prefix, facts.priority, metadata, facts.requirements, facts.affinity)
    except InvalidInput as error:  # each part is fine, and all together are too much
        problems.append(str(error))
        spec = WorksetSpec(files.name, bucket, prefix, facts.priority, own)
    if state is WorksetState.ERROR:
        problems = [body.partition("\t")[2].strip() or "no message", *problems]
    return CatalogEntry(source, spec, state, since, "; ".join(problems) or None)


def contents(files: WorksetFiles) -> tuple[Facts, list[str]]:
    """What the folder says, with everything that is wrong, together."""
    problems: list[str] = []
    found: dict[str, Any] = {}
    names: set[str] = set()
    for name in NEEDED:
        if name not in files.children:
            problems.append(f"{name} is missing")
            continue
        with _noting(problems):
            told = _read(name, files.read(name))
            found |= told
            names |= workfile.NAMES if name == workfile.WORK else told.keys()
    if not files.has_data():
        problems.append(f"{workfile.SAMPLE_DATA}/ is missing or empty")
    priority, needs, affinity = WorksetPriority.NORMAL, found.pop("requirements", {}), found.get("cluster_name")
    requirements, cluster = {}, None
    with _noting(problems):
        priority = parse_priority(str(found.pop("priority", None) or priority))
    with _noting(problems):
        check_document("requirements", needs)
        check_requirements(needs)
        requirements = needs
    with _noting(problems):
        cluster = check_name("cluster_name", affinity, MAX_TEXT_BYTES) if affinity is not None else None
    return Facts(priority, found, requirements, cluster, frozenset(names)), problems


@contextmanager
def _noting(problems: list[str]) -> Iterator[None]:
    """What is refused is noted, and the rest goes on."""
    try:
        yield
    except InvalidInput as error:
        problems.append(str(error))


def _read(name: str, content: bytes) -> dict[str, Any]:
    """What one of the files says. Raises InvalidInput."""
    if name == workfile.WORK:
        return workfile.parse_work(content)
    if name == workfile.SAMPLES:
        return {"samples": workfile.sample_count(content)}
    return {"daylily_info": content.decode("utf-8", errors="replace")[:PROVENANCE_CHARS]}
