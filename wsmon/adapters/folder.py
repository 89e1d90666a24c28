"""Workset folders of the file system, as a catalog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wsmon.adapters import workfile
from wsmon.domain.errors import InvalidInput
from wsmon.domain.spec import WorksetSpec, check_name, parse_priority
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import isoformat
from wsmon.ports import CatalogEntry

BUCKET = "file"
PROVENANCE_CHARS = 20_000


class FolderCatalog:
    """The Catalog port over a folder of workset folders, or over one of them."""

    def __init__(self, root: Path) -> None:
        """Raises InvalidInput unless `root` is a folder."""
        if not root.is_dir():
            raise InvalidInput(f"{str(root)!r} is not a folder; give the folder that holds the workset folders")
        self._root = root.absolute()

    def scan(self) -> Iterator[CatalogEntry]:
        """Every folder with a sentinel, in order of name."""
        try:
            folders = sorted(path for path in [self._root, *self._root.iterdir()] if path.is_dir())
        except OSError as error:
            raise InvalidInput(f"{str(self._root)!r} cannot be read: {error.strerror}") from None
        for folder in folders:
            entry = self._entry(folder)
            if entry is not None:
                yield entry

    def _entry(self, folder: Path) -> CatalogEntry | None:
        for word, state in workfile.PRECEDENCE.items():
            sentinel = folder / f"{workfile.SENTINEL}{word}"
            if sentinel.is_file():
                return self._read(folder, sentinel, state)
        return None

    def _read(self, folder: Path, sentinel: Path, state: WorksetState) -> CatalogEntry:
        body = sentinel.read_bytes()[:4096].decode("utf-8", errors="replace")
        since = workfile.sentinel_time(body, int(sentinel.stat().st_mtime * 1_000_000))
        try:
            check_name("the folder's name", folder.name)
            check_name("the folder's path", str(folder), 1024)
        except InvalidInput as error:
            return CatalogEntry(str(folder), None, state, since, str(error))
        priority, metadata, problems = _contents(folder)
        spec = WorksetSpec(
            folder.name, BUCKET, str(folder), priority, {"folder": str(folder), "since": isoformat(since), **metadata}
        )
        if state is WorksetState.ERROR:
            problems = [body.partition("\t")[2].strip() or "no message", *problems]
        return CatalogEntry(str(folder), spec, state, since, "; ".join(problems) or None)


def _contents(folder: Path) -> tuple[WorksetPriority, dict[str, object], list[str]]:
    """Priority and metadata, with everything that is wrong, together."""
    problems: list[str] = []
    metadata: dict[str, object] = {}
    priority = WorksetPriority.NORMAL
    for name in (workfile.WORK, workfile.SAMPLES, workfile.INFO):
        path = folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            problems.append(f"{name} is missing" if not path.exists() else f"{name} cannot be read: {error.strerror}")
            continue
        try:
            if name == workfile.WORK:
                metadata |= workfile.parse_work(content)
                priority = parse_priority(str(metadata.pop("priority", priority)))
            elif name == workfile.SAMPLES:
                metadata["samples"] = workfile.sample_count(content)
            else:
                metadata["daylily_info"] = content.decode("utf-8", errors="replace")[:PROVENANCE_CHARS]
        except InvalidInput as error:
            problems.append(str(error))
    data = folder / workfile.SAMPLE_DATA
    if not data.is_dir() or not any(data.iterdir()):
        problems.append(f"{workfile.SAMPLE_DATA}/ is missing or empty")
    return priority, metadata, problems
