"""Large bodies in flat memory: make one chunk by chunk, digest one chunk by chunk."""

import hashlib

CHUNK_BYTES = 64 * 1024
MEBIBYTE = 1024 * 1024


def chunks(mebibytes):
    """Yield `mebibytes` MiB in chunks of 64 KiB.

    Every chunk repeats its own number in lines of 16 bytes, so a lost, doubled or
    swapped chunk shows.
    """
    for number in range(mebibytes * MEBIBYTE // CHUNK_BYTES):
        yield b"%015d\n" % number * (CHUNK_BYTES // 16)


class Digest:
    """Size and SHA-256 of bytes that come in pieces."""

    def __init__(self):
        self.size = 0
        self._hash = hashlib.sha256()

    def add(self, piece):
        self.size += len(piece)
        self._hash.update(piece)

    @property
    def sha256(self):
        return self._hash.hexdigest()


def digest_body(stream, length):
    """Read `length` bytes from `stream` in pieces and return their Digest.

    The digest's size is smaller than `length` if the stream ended early.
    """
    digest = Digest()
    while digest.size < length:
        piece = stream.read(min(CHUNK_BYTES, length - digest.size))
        if not piece:
            break
        digest.add(piece)
    return digest
