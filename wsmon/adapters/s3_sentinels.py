"""Sentinel files in buckets."""

from __future__ import annotations

import contextlib

from wsmon.adapters import workfile
from wsmon.adapters.s3 import Bucket
from wsmon.domain.errors import InvalidInput

SENTINEL_BYTES = 200


class S3Sentinels:
    """The Sentinels port for folders in buckets."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def mark(self, bucket: str, prefix: str, word: str, body: str) -> None:
        """Write the sentinel first, then take away those that would hold before it."""
        place = f"{prefix.strip('/')}/{workfile.SENTINEL}"
        words = list(workfile.PRECEDENCE)
        self._bucket.put(bucket, place + word, body)
        before = words[: words.index(word)]
        if before:
            self._bucket.drop(bucket, [place + one for one in before])

    def standing(self, bucket: str, prefix: str) -> dict[str, str]:
        """What stands there of the sentinels that tell of work: one listing, and a read each."""
        place = f"{prefix.strip('/')}/{workfile.SENTINEL}"
        names = [found["Key"].removeprefix(place) for page in self._bucket.pages(bucket, place, "") for found in page]
        told: dict[str, str] = {}
        for word in ("lock", "in_progress", "complete", "error"):
            if word in names:
                with contextlib.suppress(InvalidInput):  # it went away meanwhile
                    told[word] = self._bucket.read(bucket, place + word, SENTINEL_BYTES).decode(errors="replace")
        return told
