"""Memory that parent and workers share: each worker's state, without a system call to show it.

    byte 0            is the parent to be woken when too few workers are idle?
    byte 1            has it been woken since it last looked?
    from byte 64 on   one seat of 16 bytes for each worker:
                      state, worn, two unused, number of requests served (native, 4 bytes)
"""

from __future__ import annotations

import mmap
import os
import struct
from time import monotonic
from typing import Mapping, Optional

from runfcgi.serving.slot import Slot

from . import population

_SEATS = 64
_SEAT_SIZE = 16
_COUNT = struct.Struct("=I")
_write_count = _COUNT.pack_into
_FREE, _STARTING, _IDLE, _BUSY = b"\0", b"s", b"i", b"b"
_IDLE_BYTE, _BUSY_BYTE = _IDLE[0], _BUSY[0]
_NAMES = {
    _STARTING: population.STARTING,
    _IDLE: population.IDLE,
    _BUSY: population.BUSY,
}


class Board:
    """To be created before the first fork. ``seats`` is the largest number of processes."""

    def __init__(self, seats: int, min_spare: int) -> None:
        self._memory = mmap.mmap(-1, _SEATS + seats * _SEAT_SIZE)
        self._end = _SEATS + seats * _SEAT_SIZE
        self._min_spare = min_spare
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)

    def fileno(self) -> int:
        """Readable when a worker wants the parent to look."""
        return self._read_end

    def take_seat(self) -> Optional["Seat"]:
        """A free seat for a worker about to be started, None when all are taken."""
        for offset in range(_SEATS, self._end, _SEAT_SIZE):
            if self._memory[offset : offset + 1] == _FREE:
                self._memory[offset : offset + _SEAT_SIZE] = _STARTING + bytes(_SEAT_SIZE - 1)
                return Seat(self, self._memory, offset)
        return None

    def look(self, wake_when_short: bool) -> None:
        """The parent is about to look at the seats; says whether it could start more workers."""
        try:
            os.read(self._read_end, 4096)
        except BlockingIOError:
            pass
        self._memory[0] = wake_when_short
        self._memory[1] = 0

    def wake_parent_if_short(self) -> None:
        """Called by a worker that has just become busy."""
        memory = self._memory
        if memory[0] and not memory[1]:
            if memory[_SEATS : self._end : _SEAT_SIZE].count(_IDLE) < self._min_spare:
                self.wake_parent()

    def wake_parent(self) -> None:
        self._memory[1] = 1
        try:
            os.write(self._write_end, b".")
        except BlockingIOError:
            pass  # it has been woken often enough


class Seat(Slot):
    """One worker's place on the board; the worker writes, the parent reads.

    The threads of one worker share it: then the state is that of the thread that wrote last,
    and the count may be a little low. A parent of threaded workers does not plan by them.
    """

    __slots__ = ("_board", "_memory", "_offset", "_count", "_begun")

    def __init__(self, board: Board, memory: mmap.mmap, offset: int) -> None:
        super().__init__()
        self._board = board
        self._memory = memory
        self._offset = offset
        self._count = offset + 4
        self._begun = 0

    def busy(self, params: Mapping[str, str]) -> None:
        self.started = monotonic()
        self.size = 0
        self._begun = begun = self._begun + 1
        memory = self._memory
        memory[self._offset] = _BUSY_BYTE
        _write_count(memory, self._count, begun & 0xFFFFFFFF)
        if memory[0]:
            self._board.wake_parent_if_short()

    def idle(self) -> None:
        self.started = 0.0
        self._memory[self._offset] = _IDLE_BYTE

    def wear_out(self) -> None:
        """The worker has served its share and wants to be replaced."""
        self._memory[self._offset + 1] = 1
        self._board.wake_parent()

    def free(self) -> None:
        self._memory[self._offset] = 0

    @property
    def state(self) -> str:
        if self._memory[self._offset + 1]:
            return population.WORN
        return _NAMES[self._memory[self._offset : self._offset + 1]]

    @property
    def served(self) -> int:
        """Requests that have begun in this worker."""
        return _COUNT.unpack_from(self._memory, self._count)[0]
