"""A bucket on a real server that speaks S3."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import peers
from tests.cli.conftest import cli as cli  # noqa: PLC0414  a fixture
from tests.folder.test_folder import GOOD
from wsmon.adapters.s3 import Bucket, S3Catalog, S3Inspector
from wsmon.adapters.s3_sentinels import S3Sentinels

PREFIX = "drop/active"


class Shelf:
    """One bucket, filled by the test."""

    def __init__(self) -> None:
        peers.credentials()
        self.endpoint = peers.url("ministack")
        self.name = f"worksets-{uuid.uuid4().hex[:12]}"
        self.bucket = Bucket(region="us-east-1", endpoint_url=self.endpoint)
        self.bucket.client.create_bucket(Bucket=self.name)

    def put(self, key: str, text: str = "") -> None:
        self.bucket.client.put_object(Bucket=self.name, Key=key, Body=text.encode())

    def put_all(self, files: Mapping[str, str]) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda item: self.put(*item), files.items()))

    def folder(self, name: str, *sentinels: str, **changes: str | None) -> dict[str, str]:
        """The objects of a workset folder; `sentinels` are words, by default ready."""
        files = {**GOOD, **{key.replace("__", "/"): text for key, text in changes.items()}}
        del files["daylily.ready"]
        files |= {f"daylily.{word}": "2026-11-24T10:00:00Z" for word in sentinels or ("ready",)}
        if "error" in sentinels:
            files["daylily.error"] = "2026-11-24T10:00:00Z\tno such reference"
        return {f"{PREFIX}/{name}/{key}": text for key, text in files.items() if text is not None}

    def add(self, name: str, *sentinels: str, **changes: str | None) -> None:
        self.put_all(self.folder(name, *sentinels, **changes))

    def words(self, name: str) -> set[str]:
        """The sentinels in a folder."""
        reply = self.bucket.client.list_objects_v2(Bucket=self.name, Prefix=f"{PREFIX}/{name}/daylily.")
        return {item["Key"].rpartition("daylily.")[2] for item in reply.get("Contents", [])}

    def text(self, name: str, word: str) -> str:
        return self.bucket.read(self.name, f"{PREFIX}/{name}/daylily.{word}", 5000).decode()

    def catalog(self) -> S3Catalog:
        return S3Catalog(self.bucket, self.name, PREFIX)

    def inspector(self) -> S3Inspector:
        return S3Inspector(self.bucket)

    def sentinels(self) -> S3Sentinels:
        return S3Sentinels(self.bucket)

    def upload(self, folder: Path) -> None:
        """A folder of this machine, with something to stand for its data."""
        files = {
            f"{PREFIX}/{folder.name}/{path.relative_to(folder)}": path.read_text()
            for path in folder.rglob("*")
            if path.is_file()
        }
        self.put_all({**files, f"{PREFIX}/{folder.name}/sample_data/x": "x"})


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()
