"""What a command's exit tells about its failure."""

from __future__ import annotations

from collections.abc import Mapping

from wsmon.domain.states import ErrorCategory

# 65, 69, 71, 75 and 78 as in BSD's sysexits.h; 126 and 127 as in POSIX shells; 137 is SIGKILL, on a
# batch machine nearly always the memory limit.
EXIT_CATEGORIES: Mapping[int, ErrorCategory] = {
    65: ErrorCategory.DATA,
    69: ErrorCategory.TRANSIENT,
    71: ErrorCategory.RESOURCE,
    75: ErrorCategory.TRANSIENT,
    78: ErrorCategory.CONFIGURATION,
    126: ErrorCategory.CONFIGURATION,
    127: ErrorCategory.CONFIGURATION,
    137: ErrorCategory.RESOURCE,
}


def category_of(exit_code: int | None, table: Mapping[int, ErrorCategory] = EXIT_CATEGORIES) -> ErrorCategory:
    """The category of an exit code; None (nobody saw the end) is transient, an unknown one permanent.

    Other signals (128 + n) are transient: the command was ended from outside.
    """
    if exit_code is None:
        return ErrorCategory.TRANSIENT
    if exit_code in table:
        return table[exit_code]
    return ErrorCategory.TRANSIENT if exit_code > 128 else ErrorCategory.PERMANENT
