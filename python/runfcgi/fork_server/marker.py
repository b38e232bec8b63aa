"""The mark by which a worker and all that it starts are known: RUNFCGID_WORKER.

What a process starts gets it from ``os.environ``. /proc/PID/environ of the process itself shows
the memory in which the kernel put its environment when it was started, which setenv(3) leaves as
it was; of a forked worker that would be the fork server's mark. So it is overwritten in place.
"""

from __future__ import annotations

import os

VARIABLE = "RUNFCGID_WORKER"
_MEMORY = "/proc/self/mem"
# Fields 50 and 51 of /proc/PID/stat (proc(5)), counted from the third: the second is the
# program's name, which may contain anything.
_ENV_START, _ENV_END = 50 - 3, 51 - 3


class MarkerUnreachable(Exception):
    """/proc/PID/environ will go on showing the fork server's own mark."""


class MarkerPlace:
    """Where the value is in the memory of this process, and so of those forked from it."""

    def __init__(self) -> None:
        """Raises MarkerUnreachable: not there, or this process may not write to it."""
        try:
            start, environment = _initial_environment()
            name = b"\0%s=" % VARIABLE.encode()
            found = (b"\0" + environment).find(name)
            if found < 0:
                raise MarkerUnreachable(f"{VARIABLE} is not in the environment of the start")
            value_at = found + len(name) - 1
            value = environment[value_at : environment.index(b"\0", value_at)]
            self._address = start + value_at
            self._room = len(value)
            self._put(value)
        except (OSError, ValueError) as error:
            raise MarkerUnreachable(str(error)) from None

    def overwrite(self, marker: bytes) -> None:
        """Raises MarkerUnreachable, also when the server's own mark was shorter."""
        if len(marker) > self._room:
            raise MarkerUnreachable(f"there is room for {self._room} bytes, not {len(marker)}")
        try:
            self._put(marker.ljust(self._room, b"\0"))
        except OSError as error:
            raise MarkerUnreachable(str(error)) from None

    def _put(self, value: bytes) -> None:
        memory = os.open(_MEMORY, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(memory, value, self._address)
        finally:
            os.close(memory)


def _initial_environment() -> "tuple[int, bytes]":
    """Its address and its bytes."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[_ENV_START]), int(fields[_ENV_END])
    memory = os.open(_MEMORY, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return start, os.pread(memory, end - start, start)
    finally:
        os.close(memory)
