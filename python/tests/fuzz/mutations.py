"""What goes wrong with a session on the way: structure first, then bytes."""

from __future__ import annotations

from random import Random
from typing import List, NamedTuple, Tuple

from .sessions import Session, random_bytes

_LENGTHS = (0, 1, 7, 8, 9, 255, 256, 65527, 65528, 65535)
_PIECE = 65536
_FLOOD = 300_000
_HUGE_SIZES = (b"\xff\xff\xff\xff", b"\x80\x00\x00\x00", b"\x7f\x7f", b"\x80", b"\x05\xff\xff\xff\x7f")


class Stream(NamedTuple):
    """``intact``: the first so many bytes are the session's own."""

    data: bytes
    intact: int


def mutate(source: Random, session: Session, other: Session) -> Stream:
    """One to three things go wrong; with one of forty streams nothing does."""
    parts = list(session.records)
    intact = sum(map(len, parts))
    if source.random() < 0.025:
        return Stream(b"".join(parts), intact)
    for _ in range(source.choice((0, 1, 1, 2))):
        index = source.choice(_OF_RECORDS)(source, parts, other)
        intact = min(intact, sum(map(len, parts[:index])))
    data = b"".join(parts)
    if intact == len(data) or source.random() < 0.5:
        data, position = source.choice(_OF_BYTES)(source, data)
        intact = min(intact, position)
    return Stream(data, intact)


def in_full_pieces(data: bytes) -> List[bytes]:
    """As much as one ``recv`` takes in each."""
    if len(data) <= _PIECE:
        return [data]
    return [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]


def in_any_pieces(source: Random, data: bytes) -> List[bytes]:
    """A few pieces, cut anywhere; now and then single bytes."""
    size = len(data)
    if source.random() < 0.01 and size < 1500:
        return [data[at : at + 1] for at in range(size)]
    cuts = sorted(source.randrange(size) for _ in range(source.randint(1, 6))) if size else []
    bounds = [0, *cuts, *range(_PIECE, size, _PIECE), size]
    bounds.sort()
    return [data[a:b] for a, b in zip(bounds, bounds[1:]) if a < b]


# Mutations of records: change the list, and return the first index that is not as it was.


def _wrong_field(source: Random, parts: List[bytes], _other: Session) -> int:
    index = source.randrange(len(parts))
    record = bytearray(parts[index])
    field = source.choice(("version", "kind", "id", "length", "length", "length", "padding"))
    if field == "version":
        record[0] = source.randrange(256)
    elif field == "kind":
        record[1] = source.randrange(14)
    elif field == "id":
        record[2:4] = source.choice((0, 1, 2, 255, 65535)).to_bytes(2, "big")
    elif field == "length":
        length = source.choice((*_LENGTHS, len(record) - 9, len(record) - 7))
        record[4:6] = max(0, min(65535, length)).to_bytes(2, "big")
    else:
        record[6] = source.randrange(256)
    parts[index] = bytes(record)
    return index


def _huge_size(source: Random, parts: List[bytes], _other: Session) -> int:
    """A name or value that claims to reach far past the end."""
    index = source.randrange(len(parts))
    claim = source.choice(_HUGE_SIZES)
    parts[index] = parts[index][:8] + claim + parts[index][8 + len(claim) :]
    return index


def _duplicate(source: Random, parts: List[bytes], _other: Session) -> int:
    index = source.randrange(len(parts))
    times = source.randint(1, 3)
    if source.random() < 0.02:
        times = min(5000, _FLOOD // len(parts[index]))
    parts[index:index] = [parts[index]] * times
    return index


def _drop(source: Random, parts: List[bytes], _other: Session) -> int:
    index = source.randrange(len(parts))
    if len(parts) > 1:
        del parts[index]
    return index


def _swap(source: Random, parts: List[bytes], _other: Session) -> int:
    a, b = source.randrange(len(parts)), source.randrange(len(parts))
    parts[a], parts[b] = parts[b], parts[a]
    return min(a, b)


def _splice(source: Random, parts: List[bytes], other: Session) -> int:
    """From here on, or for a while, it is another session."""
    index = source.randrange(len(parts))
    first = source.randrange(len(other.records))
    end = index if source.random() < 0.5 else len(parts)
    parts[index:end] = other.records[first : first + source.randint(1, 8)]
    return index


def _insert_begin(source: Random, parts: List[bytes], other: Session) -> int:
    index = source.randrange(len(parts))
    parts.insert(index, source.choice((parts[0], other.records[0])))
    return index


# Mutations of bytes: the new bytes, and up to where they are the old ones.


def _flip_bits(source: Random, data: bytes) -> Tuple[bytes, int]:
    changed = bytearray(data)
    places = [source.randrange(len(data)) for _ in range(source.randint(1, 6))]
    for place in places:
        changed[place] ^= 1 << source.randrange(8)
    return bytes(changed), min(places)


def _truncate(source: Random, data: bytes) -> Tuple[bytes, int]:
    place = source.randrange(len(data))
    return data[:place], place


def _insert_bytes(source: Random, data: bytes) -> Tuple[bytes, int]:
    place = source.randrange(len(data))
    return data[:place] + random_bytes(source, source.randint(1, 40)) + data[place:], place


def _remove_bytes(source: Random, data: bytes) -> Tuple[bytes, int]:
    place = source.randrange(len(data))
    return data[:place] + data[place + source.randint(1, 40) :], place


def _noise(source: Random, data: bytes) -> Tuple[bytes, int]:
    place = source.randrange(len(data))
    return data[:place] + random_bytes(source, source.randint(1, 2000)), place


_OF_RECORDS = (
    _wrong_field, _wrong_field, _wrong_field, _huge_size, _duplicate, _drop, _swap, _splice,
    _insert_begin,
)  # fmt: skip
_OF_BYTES = (_flip_bits, _flip_bits, _truncate, _insert_bytes, _remove_bytes, _noise)
