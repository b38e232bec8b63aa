"""Lines of a channel, each with the descriptors that came with it."""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from typing import Deque, List, NamedTuple, Optional

from .messages import LINE_LIMIT

_CHUNK = 65536
_MOST_DESCRIPTORS = 253  # in one message: SCM_MAX_FD, unix(7)
_CONTROL_SIZE = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize)


class Line(NamedTuple):
    """``descriptors`` are for whoever takes the line to close. ``text`` is None when it was too
    long."""

    text: Optional[bytes]
    descriptors: List[int]

    def close_descriptors(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


class Inbox:
    """Reads without waiting, and holds one unfinished line at most."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lines: Deque[Line] = deque()
        self._text = bytearray()
        self._descriptors: List[int] = []
        self._is_too_long = False

    def receive(self) -> bool:
        """Take in what is there. False: the other side has closed."""
        flags = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
        try:
            data, control, _, _ = self._channel.recvmsg(_CHUNK, _CONTROL_SIZE, flags)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        self._add(data, descriptors_in(control))
        return bool(data)

    def take_line(self) -> Optional[Line]:
        return self._lines.popleft() if self._lines else None

    def close(self) -> None:
        """Give up what nobody has taken."""
        for line in (*self._lines, Line(None, self._descriptors)):
            line.close_descriptors()

    def _add(self, data: bytes, descriptors: List[int]) -> None:
        """Reading stops after the piece that descriptors were sent with (unix(7): they form a
        barrier): they belong to the last line of which there is a byte in ``data``."""
        *whole, rest = data.split(b"\n")
        for number, piece in enumerate(whole, 1):
            self._extend(piece)
            if number == len(whole) and not rest:
                self._descriptors += descriptors
                descriptors = []
            self._finish()
        self._extend(rest)
        self._descriptors += descriptors

    def _extend(self, piece: bytes) -> None:
        if len(self._text) + len(piece) >= LINE_LIMIT:
            self._is_too_long = True
        if self._is_too_long:
            self._text.clear()
        else:
            self._text += piece

    def _finish(self) -> None:
        text = None if self._is_too_long else bytes(self._text)
        self._lines.append(Line(text, self._descriptors))
        self._text.clear()
        self._descriptors = []
        self._is_too_long = False


def descriptors_in(control: list) -> List[int]:
    """Those that came with a message."""
    received = array.array("i")
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            received.frombytes(data[: len(data) - len(data) % received.itemsize])
    return received.tolist()
