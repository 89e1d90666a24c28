"""A fault of our own: a file that tells of it, and one sentence that names the file."""

from __future__ import annotations

import tempfile
import traceback


def reported(error: BaseException) -> str:
    """The sentence; the file holds the traceback."""
    with tempfile.NamedTemporaryFile("w", prefix="wsmon-report-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    return f"an unexpected error ({type(error).__name__}); please report {file.name}"
