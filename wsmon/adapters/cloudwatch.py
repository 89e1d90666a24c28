"""CloudWatch: as few PutMetricData calls as its limits allow; botocore compresses what is large."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from wsmon.domain.metering import Series
from wsmon.domain.times import Instant
from wsmon.domain.visible import visible

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

MAX_DATA, MAX_VALUES, MAX_BYTES = 1000, 150, 900_000
"""Of one call, of one datum, and of a call's body with room to spare."""
MAX_CHARS = 1024
"""Of a dimension's value."""


def data(series: Iterable[Series], at: Instant) -> Iterator[dict[str, Any]]:
    """MetricData: a datum for each 150 values of a series."""
    moment = dt.datetime.fromtimestamp(at / 1e6, dt.UTC)
    for one in series:
        base = {
            "MetricName": one.metric.name,
            "Dimensions": [{"Name": name, "Value": plain(value)} for name, value in one.dimensions],
            "Timestamp": moment,
            "Unit": one.metric.unit.value,
        }
        values = list(one.values.items())
        for start in range(0, len(values), MAX_VALUES):
            part = values[start : start + MAX_VALUES]
            yield {**base, "Values": [value for value, _ in part], "Counts": [times for _, times in part]}


def plain(value: str) -> str:
    """A dimension's value as CloudWatch takes it: printable ASCII. One that it does not take fails its whole call."""
    text = "".join(c if " " <= c <= "~" else "?" for c in visible(value))[:MAX_CHARS]
    return text if text.strip() else "?"


def calls(found: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Data gathered into calls within the limits."""
    batch: list[dict[str, Any]] = []
    size = 0
    for datum in found:
        length = len(json.dumps(datum, default=str)) * 2  # the query form names every value
        if batch and (len(batch) == MAX_DATA or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(datum)
        size += length
    if batch:
        yield batch


class CloudWatchSink:
    """One namespace."""

    def __init__(
        self,
        namespace: str,
        *,
        region: str | None = None,
        profile: str | None = None,
        endpoint_url: str | None = None,
        client: CloudWatchClient | None = None,
    ) -> None:
        self._namespace = namespace
        self._region, self._profile, self._endpoint = region, profile, endpoint_url
        self._client = client

    def report(self, series: Sequence[Series], at: Instant) -> None:
        """Send everything. Raises botocore's errors."""
        client = self._made()
        for batch in calls(data(series, at)):
            client.put_metric_data(Namespace=self._namespace, MetricData=batch)  # type: ignore[arg-type]

    def _made(self) -> CloudWatchClient:
        if self._client is None:
            import boto3
            from botocore.config import Config

            config = Config(connect_timeout=3, read_timeout=8, retries={"total_max_attempts": 2, "mode": "standard"})
            session = boto3.session.Session(profile_name=self._profile, region_name=self._region)
            self._client = session.client("cloudwatch", endpoint_url=self._endpoint, config=config)
        return self._client
