"""``wsgi.file_wrapper`` (PEP 3333, "Optional Platform-Specific File Handling")."""

from __future__ import annotations

import io
import os
import stat
from typing import Any, Iterator, Optional

# One system call reads and one sends this much; a worker holds it only while sending a file.
_BUFFER_SIZE = 256 * 1024


class FileWrapper:
    """An iterable over a file-like object; the server recognises it and reads it its own way."""

    def __init__(self, filelike: Any, block_size: int = 65536) -> None:
        self.filelike = filelike
        self.block_size = block_size
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> Iterator[bytes]:
        while True:
            block = self.filelike.read(self.block_size)
            if not block:
                return
            yield block

    def blocks(self) -> Iterator[Any]:
        """The rest of the file in large blocks: each is valid until the next is asked for.

        A real file is read into one buffer, so that its size never shows in memory.
        """
        if not _is_real_file(self.filelike):
            yield from self
            return
        buffer = memoryview(bytearray(_BUFFER_SIZE))
        while True:
            size = self.filelike.readinto(buffer)
            if not size:
                return
            yield buffer[:size]

    def remaining(self) -> Optional[int]:
        """Bytes from the current position to the end of a regular file, None for anything else."""
        if not _is_real_file(self.filelike):
            return None
        try:
            status = os.fstat(self.filelike.fileno())
            if not stat.S_ISREG(status.st_mode):
                return None
            return max(0, status.st_size - self.filelike.tell())
        except OSError:
            return None


def _is_real_file(filelike: Any) -> bool:
    """Is it a file of the ``io`` module, whose bytes are those of its descriptor?

    A GzipFile, for one, has a ``fileno`` too, but its descriptor gives the compressed bytes.
    """
    if type(filelike) in (io.BufferedReader, io.BufferedRandom):
        return isinstance(filelike.raw, io.FileIO)
    return type(filelike) is io.FileIO
