"""How much memory this process uses, read between requests."""

from __future__ import annotations

import os
import re
import threading
from time import monotonic

# Reading costs some microseconds (RSS), or a walk through all mappings (PSS).
_INTERVAL = 0.25
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


class MemoryLimit:
    """Tells when the process has outgrown ``limit`` bytes, looking four times a second at most.

    ``measure`` is ``rss``: resident pages, those shared with other processes too; or ``pss``:
    of a page that several share only its part (proc_pid_smaps(5)).
    """

    def __init__(self, limit: int, measure: str) -> None:
        self._limit = limit
        self._measure = measure
        self._read = _read_pss if measure == "pss" else _read_rss
        path = "/proc/self/smaps_rollup" if measure == "pss" else "/proc/self/statm"
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._next_look = 0.0
        self._used = 0
        self._is_said = threading.Lock()

    def is_exceeded(self) -> bool:
        """True once, to the thread that finds it out."""
        now = monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + _INTERVAL
        self._used = self._read(self._file)
        return self._used > self._limit and self._is_said.acquire(blocking=False)

    def describe(self) -> str:
        name = self._measure.upper()
        return f"{self._used >> 20} MB {name}, more than {self._limit >> 20} MB"


def _read_rss(file: int) -> int:
    return int(os.pread(file, 256, 0).split()[1]) * _PAGE


def _read_pss(file: int) -> int:
    found = _PSS.search(os.pread(file, 4096, 0))
    return int(found.group(1)) * 1024 if found else 0
