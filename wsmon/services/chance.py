"""Whatever a service draws by chance, in one place, so that a simulation can draw it from a seed."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass


def new_change_id() -> str:
    """An id no other change has, in this process or another."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Chance:
    """The draws of one actor."""

    jitter: Callable[[], float] = random.random
    """Evenly from [0, 1); spreads retries."""
    choose: Callable[[int], int] = random.randrange
    """Evenly from range(n), so that monitors do not fight over one head."""
    change_id: Callable[[], str] = new_change_id
    """Names a change for ever; two changes never share one."""
