"""A file that a supervisor maps or reads: what each thread of this worker does, as it happens.

All numbers in the byte order of the machine. The supervisor makes the file (memfd_create(2)),
writes the header and reads the slots whenever it likes, without asking this process.

    header, 64 bytes    magic "RFSB", u32 version (1), u32 slots, u32 size of a slot (512)
    slot i at 64 + i * 512
      0   u64  number of the request shown, counted from 1: so many have begun here
      8   u64  state: 0 no thread, 1 idle, 2 busy
     16   u64  bytes of the response so far, or of the last response
     24   f64  when the request began, CLOCK_MONOTONIC in seconds
     32   text of 328 bytes, zeros behind it: REMOTE_ADDR NUL REQUEST_METHOD NUL REQUEST_URI, cut;
          each byte that the web server sent is the character of that number, in UTF-8
    504   u64  the first number again

A request is shown in one go from the first byte to the last. A reader that reads the numbers in
the opposite order (the last, then the slot, then the first) and finds them all the same has seen
one request whole. State and bytes change alone, too: each is of the request shown.
"""

from __future__ import annotations

import mmap
import os
import struct
from time import monotonic
from typing import List, Mapping, Optional

from .slot import Slot

HEADER = struct.Struct("=4sIII")
SLOT = struct.Struct("=QQQd328s144xQ")
SLOTS_AT = 64
MAGIC, VERSION = b"RFSB", 1
IDLE, BUSY = 1, 2

# Indices of what changes alone, in words of eight bytes.
_STATE, _SIZE = 1, 2
_show = SLOT.pack_into


def open_slots(descriptor: Optional[int], count: int) -> List[Slot]:
    """``count`` slots of the file behind ``descriptor``, which is not needed any more afterwards.

    Without a file, with one that we do not know or that has too few of them, the rest of the
    slots are shown to nobody.
    """
    memory = None if descriptor is None else _map(descriptor)
    present = 0 if memory is None else _count(memory)
    return [
        Slot() if memory is None or i >= present else MappedSlot(memory, SLOTS_AT + i * SLOT.size)
        for i in range(count)
    ]


class MappedSlot(Slot):
    """One thread's. Written by it alone; a change costs no system call."""

    __slots__ = ("_memory", "_words", "_number")

    def __init__(self, memory: mmap.mmap, offset: int) -> None:
        super().__init__()
        self._memory = memoryview(memory)[offset : offset + SLOT.size]
        self._words = self._memory.cast("Q")
        self._number = 0

    def busy(self, params: Mapping[str, str]) -> None:
        self._number = number = self._number + 1
        self.size = 0
        self.started = now = monotonic()
        try:
            text = f"{params['REMOTE_ADDR']}\0{params['REQUEST_METHOD']}\0{params['REQUEST_URI']}"
        except KeyError:
            text = _describe(params)
        _show(self._memory, 0, number, BUSY, 0, now, text.encode(), number)

    def sent(self, size: int) -> None:
        self.size = self._words[_SIZE] = self.size + size

    def idle(self) -> None:
        self.started = 0.0
        words = self._words
        words[_SIZE] = self.size
        words[_STATE] = IDLE


def _map(descriptor: int) -> Optional[mmap.mmap]:
    try:
        return mmap.mmap(descriptor, os.fstat(descriptor).st_size)
    except (OSError, ValueError):
        return None


def _count(memory: mmap.mmap) -> int:
    """How many slots the file has."""
    if len(memory) < SLOTS_AT:
        return 0
    magic, version, slots, size = HEADER.unpack_from(memory)
    if (magic, version, size) != (MAGIC, VERSION, SLOT.size):
        return 0
    return min(slots, (len(memory) - SLOTS_AT) // SLOT.size)


def _describe(params: Mapping[str, str]) -> str:
    """For web servers that do not send all three."""
    uri = params.get("REQUEST_URI")
    if uri is None:
        uri = params.get("SCRIPT_NAME", "") + params.get("PATH_INFO", "")
        query = params.get("QUERY_STRING")
        if query:
            uri = f"{uri}?{query}"
    return f"{params.get('REMOTE_ADDR', '')}\0{params.get('REQUEST_METHOD', 'GET')}\0{uri}"
