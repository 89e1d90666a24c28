"""Where a path really lies, and whether on a disk of this machine."""

from __future__ import annotations

import re
from pathlib import Path

NETWORK = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "coda",
        "glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
        "gfs",
        "gfs2",
        "juicefs",
        "ncpfs",
        "ocfs2",
        "orangefs",
        "panfs",
        "prl_fs",
        "pvfs2",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
        "wekafs",
        "davfs",
        "fuse.sshfs",
        "fuse.davfs2",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.rclone",
        "fuse.ceph",
        "fuse.cephfs",
        "fuse.gcsfuse",
        "fuse.goofys",
        "fuse.juicefs",
        "fuse.vmhgfs-fuse",
        "fuse.mountpoint-s3",
    ]
)
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")
"""Blank, tab, newline and backslash are written so there, and nothing else."""


def real_path(path: Path) -> Path:
    """One spelling for one file, whatever links lead to it; parts that do not exist are kept."""
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError):  # links that go round
        return path.absolute()


def network_file_system(path: Path, mounts: str | None = None) -> str | None:
    """The kind of network file system `path` lies on, or None; None too where the system does not tell.

    `mounts` is the text of a mountinfo file (proc(5)); this process's own by default.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    target = real_path(path)
    best, kind = -1, ""
    for line in mounts.split("\n"):
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = Path(_ESCAPED.sub(lambda match: chr(int(match.group(1), 8)), fields[4]))
        if target.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind if kind in NETWORK else None
