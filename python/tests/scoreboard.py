"""A scoreboard as the daemon makes and reads it."""

import os
import struct
from typing import NamedTuple, Optional

SLOT_SIZE = 512
FREE, IDLE, BUSY = 0, 1, 2


class Shown(NamedTuple):
    """One slot, whole."""

    number: int
    state: int
    size: int
    started: float
    remote: str
    method: str
    uri: str


class Scoreboard:
    def __init__(self, slots: int) -> None:
        self.descriptor = os.memfd_create("scoreboard", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, 64 + slots * SLOT_SIZE)
        os.pwrite(self.descriptor, struct.pack("=4sIII", b"RFSB", 1, slots, SLOT_SIZE), 0)

    def raw(self, index: int = 0) -> bytes:
        return os.pread(self.descriptor, SLOT_SIZE, 64 + index * SLOT_SIZE)

    def look(self, index: int = 0) -> Optional[Shown]:
        """None when it changes at this very moment. The numbers are read in the opposite order of
        their writing."""
        last, raw, first = self.raw(index)[504:], self.raw(index), self.raw(index)[:8]
        if not last == raw[:8] == raw[504:] == first:
            return None
        number, state, size, started, text = struct.unpack_from("=QQQd328s", raw)
        texts = text.rstrip(b"\0").decode("utf-8", "ignore").split("\0")
        remote, method, uri = (texts + ["", ""])[:3]
        return Shown(number, state, size, started, remote, method, uri)

    def close(self) -> None:
        os.close(self.descriptor)
