"""The pidfile: locked for as long as its process lives, so that it never lies."""

from __future__ import annotations

import contextlib
import fcntl
import os

from runfcgi.errors import PidfileError


class Pidfile:
    """``path`` must be absolute: the process changes its directory later.

    Lock it first, write it when the socket is bound, remove it at the end. A file that nobody
    holds is left from a crash and taken over.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._owner = os.getpid()
        self._descriptor = -1

    def lock(self) -> None:
        """Raises PidfileError when a living process holds it, or it cannot be opened."""
        while True:
            try:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
            except OSError as error:
                raise PidfileError(f'pidfile "{self._path}": {error.strerror}') from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
                os.close(descriptor)
                raise PidfileError(
                    f'pidfile "{self._path}" is held by process {holder}: it runs already'
                ) from None
            if self._is_still(descriptor):
                self._descriptor = descriptor
                return
            os.close(descriptor)  # its holder has just removed it; the next is a new file

    def write(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)

    def release_in_child(self) -> None:
        """A forked worker must not keep the file locked when its parent has been killed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def remove(self) -> None:
        """Only by the process that locked it, while it is the same file. Safe to repeat."""
        if self._descriptor < 0 or os.getpid() != self._owner:
            return
        if self._is_still(self._descriptor):
            with contextlib.suppress(OSError):
                os.unlink(self._path)
        os.close(self._descriptor)
        self._descriptor = -1

    def _is_still(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        except FileNotFoundError:
            return False
