"""Where things lie: names of segments, the runtime directory, the identity of this boot.

(uid, instance, topic) -> /sf-<24 hex>      at most 31 bytes, what macOS allows
instance               -> a 0700 directory  for the FIFOs of event loops

The hash is only a place; the full name stands in the segment's header and is
compared at every attach.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import uuid
from pathlib import Path

from sniperforge.base.errors import UsageError
from sniperforge.shm.errors import RingForeign, RingSpace

PREFIX = "/sf-"
SHM_DIRECTORY = Path("/dev/shm")


def full_name(topic: str, *, instance: str) -> str:
    """Return `instance/topic`, the name written into the header.

    Raises:
        UsageError: a part is empty, or both together are longer than 255 bytes.
    """
    if not topic or not instance or "\0" in topic + instance:
        raise UsageError(f"ring {instance}/{topic}: topic and instance need a name; give both")
    name = f"{instance}/{topic}"
    if len(name.encode()) > 255:
        raise UsageError(
            f"ring {name[:40]}…: {len(name.encode())} bytes of name, at most 255; shorten the instance name"
        )
    return name


def segment_name(name: str) -> str:
    """Return the POSIX shared-memory name of a ring: 28 bytes, one per user and full name."""
    digest = hashlib.blake2b(f"{os.geteuid()}\0{name}".encode(), digest_size=12)
    return PREFIX + digest.hexdigest()


def runtime_directory(instance: str) -> Path:
    """Return the directory of this user's FIFOs for *instance*, made 0700 when it is absent.

    Raises:
        RingForeign: the directory exists and belongs to somebody else, or others may write there.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    root = Path(base) / "sniperforge" if base else Path("/tmp") / f"sniperforge-{os.geteuid()}"
    label = hashlib.blake2b(instance.encode(), digest_size=6).hexdigest()
    for directory in (root, root / label):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise RingForeign(str(directory), what="directory owner or mode")
    return root / label


def boot_id(source: Path = Path("/proc/sys/kernel/random/boot_id")) -> bytes:
    """Return 16 bytes that change when the host boots; the same ones always where there is no such id."""
    try:
        return uuid.UUID(source.read_text().strip()).bytes
    except (OSError, ValueError):
        return hashlib.blake2b(sys.platform.encode(), digest_size=16).digest()


def pid_namespace(source: Path = Path("/proc/self/ns/pid")) -> int:
    """Return the inode of this pid namespace, 0 where there is none: pids of another one mean nothing here."""
    try:
        return source.stat().st_ino
    except OSError:
        return 0


def check_owner(fd: int, name: str) -> None:
    """Refuse a segment that is not a plain file of this user's alone; raises RingForeign."""
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise RingForeign(name, what="owner or mode")


def allocate(fd: int, size: int, name: str) -> None:
    """Take *size* bytes now: a full /dev/shm is an error here, and not a SIGBUS later; raises RingSpace."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
        else:
            os.ftruncate(fd, size)
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.ENOMEM, errno.EFBIG):
            raise RingSpace(name, size=size, problem=os.strerror(problem.errno)) from None
        raise
