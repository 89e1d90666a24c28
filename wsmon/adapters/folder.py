"""Workset folders of the file system, as a catalog."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from wsmon.adapters import workfile
from wsmon.adapters.cataloguing import contents, entry_of, sentinel_in
from wsmon.domain.errors import InvalidInput
from wsmon.domain.states import WorksetState
from wsmon.domain.times import Instant
from wsmon.ports import CatalogEntry, Inspected

BUCKET = "file"


class FolderFiles:
    """One workset folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = folder.name
        self.place = (BUCKET, str(folder))

    @cached_property
    def children(self) -> Mapping[str, Instant]:
        """Its direct files. Raises InvalidInput where the folder cannot be read."""
        try:
            return {
                path.name: int(path.stat().st_mtime * 1_000_000) for path in self._folder.iterdir() if path.is_file()
            }
        except OSError as error:
            raise InvalidInput(f"{str(self._folder)!r} cannot be read: {error.strerror}") from None

    def has_data(self) -> bool:
        """Whether there is something under `sample_data/`."""
        data = self._folder / workfile.SAMPLE_DATA
        return data.is_dir() and any(data.iterdir())

    def read(self, name: str) -> bytes:
        """A file's content, one byte past the limit at most. Raises InvalidInput."""
        try:
            with (self._folder / name).open("rb") as file:
                return file.read(workfile.MAX_BYTES + 1)
        except OSError as error:
            raise InvalidInput(f"{name} cannot be read: {error.strerror}") from None


class FolderCatalog:
    """The Catalog port over a folder of workset folders, or over one of them."""

    def __init__(self, root: Path) -> None:
        """Raises InvalidInput unless `root` is a folder."""
        if not root.is_dir():
            raise InvalidInput(f"{str(root)!r} is not a folder; give the folder that holds the workset folders")
        self._root = root.absolute()

    def scan(
        self, known: Callable[[str], bool] = lambda _: False, states: Collection[WorksetState] | None = None
    ) -> Iterator[CatalogEntry]:
        """Every folder with a sentinel, in order of name."""
        try:
            folders = sorted(path for path in [self._root, *self._root.iterdir()] if path.is_dir())
        except OSError as error:
            raise InvalidInput(f"{str(self._root)!r} cannot be read: {error.strerror}") from None
        for folder in folders:
            files = FolderFiles(folder)
            found = sentinel_in(files.children)
            if found is None or (states is not None and found[1] not in states):
                continue
            if known(files.name):
                since = files.children[found[0]]
                yield CatalogEntry(str(folder), None, found[1], since, known_id=files.name, place=files.place)
            else:
                yield entry_of(files, *found, {"folder": str(folder)})


class FolderInspector:
    """The Inspector port for folders of this machine."""

    def inspect(self, bucket: str, prefix: str) -> Inspected:
        """What the folder holds, and what is wrong with it."""
        del bucket
        files = FolderFiles(Path(prefix))
        try:
            facts, problems = contents(files)
            samples = files.read(workfile.SAMPLES).decode("utf-8", errors="replace")
        except InvalidInput as error:
            return Inspected((str(error),), None)
        return Inspected(tuple(problems), samples, facts)

    def absent(self, bucket: str, prefix: str, references: Sequence[str]) -> dict[str, str]:
        """References that are no file: reference -> why. Objects of a bucket cannot be seen from here."""
        del bucket
        found = {}
        for reference in references:
            if reference.startswith("s3://"):
                found[reference] = "is in a bucket, which was not looked at"
            elif not (Path(prefix) / reference).exists():
                found[reference] = "does not exist"
        return found
