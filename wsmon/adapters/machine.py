"""Which machine this is, and which boot of it."""

from __future__ import annotations

import platform
from pathlib import Path

_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def machine_id() -> str:
    """Names this machine; the host name where the system keeps no id."""
    for path in _IDS:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text:
            return text
    return platform.node()


def boot_id() -> str:
    """Names the machine's present boot."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        import psutil

        return f"boot-{int(psutil.boot_time())}"
