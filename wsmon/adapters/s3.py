"""Workset folders in a bucket: as a catalog, looked into, and marked with sentinels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from wsmon.adapters import workfile
from wsmon.adapters.cataloguing import contents, entry_of, sentinel_in
from wsmon.domain.errors import InvalidInput, OutsideError
from wsmon.domain.states import WorksetState
from wsmon.domain.times import Instant, from_datetime
from wsmon.ports import CatalogEntry, Inspected

AT_ONCE = 16
MAX_REFERENCES = 5000
PAGE = 1000
"""Objects in a full page of a listing."""
_CONFIG = Config(
    retries={"total_max_attempts": 5, "mode": "standard"},
    connect_timeout=5,
    read_timeout=20,
    max_pool_connections=AT_ONCE * 2,
)
_HURRIED = Config(retries={"total_max_attempts": 2, "mode": "standard"}, connect_timeout=3, read_timeout=10)
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})


class Bucket:
    """One S3 client that counts its requests. Every call may raise OutsideError."""

    def __init__(
        self,
        *,
        region: str | None = None,
        profile: str | None = None,
        endpoint_url: str | None = None,
        hurried: bool = False,
    ) -> None:
        """A `hurried` one is asked while somebody waits: it tries once more, and no longer."""
        self._base = _CONFIG.merge(_HURRIED) if hurried else _CONFIG
        self._region, self._profile, self._endpoint = region, profile, endpoint_url
        self._made: Any = None
        self.requests = 0

    @property
    def client(self) -> Any:
        """The client, made at its first use."""
        if self._made is None:
            try:
                session = boto3.session.Session(profile_name=self._profile, region_name=self._region)
                # Another endpoint seldom has a name for every bucket.
                config = self._base.merge(Config(s3={"addressing_style": "path"})) if self._endpoint else self._base
                self._made = session.client("s3", endpoint_url=self._endpoint, config=config)
                self._made.meta.events.register("before-send.s3", self._count)
            except (BotoCoreError, ValueError) as error:
                raise OutsideError(f"S3 cannot be asked: {error}") from None
        return self._made

    def _count(self, **_: object) -> None:
        self.requests += 1

    def pages(self, bucket: str, prefix: str, start_after: str) -> Iterator[list[dict[str, Any]]]:
        """The objects under a prefix, a page of at most 1,000 at a time."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, StartAfter=start_after
        )
        try:
            for page in pages:
                yield page.get("Contents", [])
        except (ClientError, BotoCoreError) as error:
            raise explained(bucket, error) from None

    def read(self, bucket: str, key: str, limit: int) -> bytes:
        """An object's first `limit` bytes. Raises InvalidInput where there is no such object."""
        try:
            reply = self.client.get_object(Bucket=bucket, Key=key)
            with reply["Body"] as body:
                return bytes(body.read(limit))
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                raise InvalidInput(f"{key.rpartition('/')[2]} is missing") from None
            raise explained(bucket, error) from None
        except BotoCoreError as error:
            raise explained(bucket, error) from None

    def exists(self, bucket: str, key: str) -> str:
        """Empty where the object, or something under the prefix that ends in `/`, is there; else why not."""
        try:
            if key.endswith("/") or not key:
                found = self.client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
                return "" if found.get("KeyCount") else "there is nothing under it"
            self.client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _ABSENT:
                return "does not exist"
            return "these credentials may not read it" if code in {"403", "AccessDenied"} else f"cannot be read: {code}"
        except BotoCoreError as error:
            raise explained(bucket, error) from None
        return ""

    def put(self, bucket: str, key: str, body: str) -> None:
        """Write a small object."""
        self._call(bucket, "put_object", Bucket=bucket, Key=key, Body=body.encode())

    def drop(self, bucket: str, keys: Collection[str]) -> None:
        """Take objects away; those that are not there are passed over."""
        objects = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        self._call(bucket, "delete_objects", Bucket=bucket, Delete=objects)

    def _call(self, bucket: str, operation: str, **parameters: Any) -> Any:
        try:
            return getattr(self.client, operation)(**parameters)
        except (ClientError, BotoCoreError) as error:
            raise explained(bucket, error) from None


def explained(bucket: str, error: Exception) -> OutsideError:
    """A botocore error as one of ours, saying what to do."""
    where = f"bucket {bucket!r}"
    if isinstance(error, ParamValidationError):
        return OutsideError(f"{where} is no name that a bucket can have; give it alone, without s3:// and prefix")
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        hints = {
            "NoSuchBucket": "there is no such bucket; look at the name and the region",
            "AccessDenied": "these credentials may not; check the IAM policy",
            "ExpiredToken": "the credentials have expired; log in again (aws sso login)",
        }
        return OutsideError(f"{where}: {hints.get(code, f'S3 answered {code}')}")
    return OutsideError(f"{where} cannot be asked ({type(error).__name__}); check network, region and credentials")


@dataclass(slots=True)
class S3Files:
    """One workset folder in a bucket, as the listing told of it."""

    bucket: Bucket
    place: tuple[str, str]
    """Bucket and prefix, the prefix ending in `/`."""
    children: dict[str, Instant] = field(default_factory=dict)
    data: bool = False

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.place[1].rstrip("/").rpartition("/")[2]

    def has_data(self) -> bool:
        """Whether there is something under `sample_data/`."""
        return self.data

    def read(self, name: str) -> bytes:
        """A direct file's content, one byte past the limit at most."""
        return self.bucket.read(self.place[0], self.place[1] + name, workfile.MAX_BYTES + 1)

    def note(self, key: str, modified: Instant) -> str:
        """Take note of an object in it; the subfolder it lies in, or nothing."""
        sub, slash, rest = key[len(self.place[1]) :].partition("/")
        if not slash:
            if sub:
                self.children[sub] = modified
            return ""
        self.data = self.data or (sub == workfile.SAMPLE_DATA and bool(rest))
        return f"{self.place[1]}{sub}/"


class S3Catalog:
    """The Catalog port over `s3://bucket/prefix`: one listing a scan, and reads only of what is new.

    The listing costs a request per 1,000 objects; a subfolder that fills a page is jumped over.
    """

    def __init__(self, bucket: Bucket, name: str, prefix: str) -> None:
        self._bucket, self._name = bucket, name
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def scan(
        self, known: Callable[[str], bool] = lambda _: False, states: Collection[WorksetState] | None = None
    ) -> Iterator[CatalogEntry]:
        """Every workset folder, in order of name; new ones are read side by side."""
        found = []
        for files in self.folders():
            sentinel = sentinel_in(files.children)
            if sentinel is not None and (states is None or sentinel[1] in states):
                found.append((files, sentinel))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(lambda one: self._entry(one[0], one[1], known), found)

    def _entry(self, files: S3Files, sentinel: tuple[str, WorksetState], known: Callable[[str], bool]) -> CatalogEntry:
        if known(files.name):
            source = f"s3://{self._name}/{files.place[1]}"
            since = files.children[sentinel[0]]
            return CatalogEntry(source, None, sentinel[1], since, known_id=files.name, place=files.place)
        return entry_of(files, *sentinel, {})

    def folders(self) -> Iterator[S3Files]:
        """The direct subfolders of the prefix, each with what lies directly in it."""
        current: S3Files | None = None
        for key, modified in objects(self._bucket, self._name, self._prefix, 2):
            folder, slash, _ = key[len(self._prefix) :].partition("/")
            if not slash or not folder:
                continue
            place = f"{self._prefix}{folder}/"
            if current is None or current.place[1] != place:
                if current is not None:
                    yield current
                current = S3Files(self._bucket, (self._name, place))
            current.note(key, modified)
        if current is not None:
            yield current


def objects(bucket: Bucket, name: str, prefix: str, depth: int) -> Iterator[tuple[str, Instant]]:
    """(key, when it was written) of what lies under a prefix.

    A subfolder `depth` levels down that fills a whole page is jumped over after that page.
    """
    start: str | None = ""
    while start is not None:
        pages, start = bucket.pages(name, prefix, start), None
        for page in pages:
            for item in page:
                yield item["Key"], from_datetime(item["LastModified"])
            filled = _filled_by(page, prefix, depth)
            if filled:
                start = filled[:-1] + "0"  # the character that follows "/"
                break


def _filled_by(page: Sequence[Mapping[str, Any]], prefix: str, depth: int) -> str:
    """The subfolder that all of a page's objects lie in, or nothing."""
    if len(page) < PAGE:
        return ""
    parts = page[0]["Key"][len(prefix) :].split("/", depth)
    if len(parts) <= depth:
        return ""
    inside = f"{prefix}{'/'.join(parts[:depth])}/"
    return inside if page[-1]["Key"].startswith(inside) else ""


class S3Inspector:
    """The Inspector port for folders in buckets."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def inspect(self, bucket: str, prefix: str) -> Inspected:
        """What the folder holds, and what is wrong with it."""
        place = f"{prefix.strip('/')}/"
        files = S3Files(self._bucket, (bucket, place))
        for key, modified in objects(self._bucket, bucket, place, 1):
            files.note(key, modified)
        if not files.children and not files.data:
            return Inspected((f"there is no folder s3://{bucket}/{place}",), None)
        facts, problems = contents(files)
        try:
            samples = files.read(workfile.SAMPLES).decode("utf-8", errors="replace")
        except InvalidInput:
            samples = None
        return Inspected(tuple(problems), samples, facts)

    def absent(self, bucket: str, prefix: str, references: Sequence[str]) -> dict[str, str]:
        """References that are not there; looked for side by side, at most 5,000 of them."""
        base = f"s3://{bucket}/{prefix.strip('/')}/"
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = list(references)[:MAX_REFERENCES]
            answers = pool.map(lambda one: self._exists(one if one.startswith("s3://") else base + one), asked)
            found = {reference: why for reference, why in zip(asked, answers, strict=True) if why}
        left = len(references) - len(asked)
        return found | ({f"{left} further references": "were not looked for"} if left > 0 else {})

    def _exists(self, uri: str) -> str:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            return self._bucket.exists(bucket, key)
        except (OutsideError, ValueError) as error:
            return str(error)
