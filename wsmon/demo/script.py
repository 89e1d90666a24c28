"""Which worksets a demo has; the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority

# Every category of failure is among the first twenty; exit codes as wsmon.domain.outcome reads them.
HANGS = "hang"
_SPECIAL = {2: "once-75", 5: "65", 7: HANGS, 9: "78", 11: "once-71", 13: "1", 17: "75"}
_PRIORITIES = (*[WorksetPriority.NORMAL] * 5, *[WorksetPriority.LOW] * 3, *[WorksetPriority.URGENT] * 2)
LONG_EVERY, LONG_SECONDS, TIMEOUT_SECONDS = 4, 9.0, 11.0


def worksets(seed: int, speed: float) -> Iterator[WorksetSpec]:
    """Worksets without end; `speed` shortens their runs."""
    draw = random.Random(seed)
    number = 0
    while True:
        number += 1
        seconds = LONG_SECONDS if number % LONG_EVERY == 0 else draw.uniform(0.4, 2.5)
        name = f"R{number:04d}-HG{draw.randrange(1, 900):03d}"
        yield WorksetSpec(
            name,
            "demo-bucket",
            f"incoming/{name}",
            draw.choice(_PRIORITIES),
            {
                "seconds": round(seconds / speed, 3),
                "outcome": _SPECIAL.get(number % 20, "0"),
                "samples": draw.randrange(1, 12),
            },
        )
