"""What is told to logs and to those who keep figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wsmon.domain.metering import Series
    from wsmon.domain.times import Instant


class Log(Protocol):
    """Where the services tell what they do; a structlog logger is one."""

    def info(self, event: str, **fields: object) -> object:
        """Something that is as it should be."""

    def warning(self, event: str, **fields: object) -> object:
        """Something an operator may want to know."""

    def error(self, event: str, **fields: object) -> object:
        """Something that needs a person."""


class MetricSink(Protocol):
    """Where figures go."""

    def report(self, series: Sequence[Series], at: Instant) -> None:
        """Take the figures since the last report; may raise anything, and is given them again then."""
