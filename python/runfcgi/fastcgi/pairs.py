"""FastCGI name-value pairs (section 3.4): lengths of one byte, or of four with the top bit set."""

from __future__ import annotations

import struct
from typing import Dict, Mapping, Tuple

_LONG = struct.Struct(">I")
_LONG_FLAG = 0x80000000
# Two lengths of nothing.
_SHORTEST_PAIR = 2


class PairsError(ValueError):
    """The bytes do not divide into pairs."""


class TooManyPairs(PairsError):
    """More pairs than the limit."""


def decode_pairs(data: bytes, max_count: int) -> Dict[str, str]:
    """Pairs as text, each character one byte (Latin-1), as PEP 3333 wants CGI variables.

    Of a repeated name the last value stays. Raises PairsError when a length points past the
    end, TooManyPairs above ``max_count``.
    """
    if data.isascii() and len(data) <= max_count * _SHORTEST_PAIR:
        return _decode_short_pairs(data)
    pairs: Dict[str, str] = {}
    text = data.decode("latin-1")
    position, end = 0, len(data)
    try:
        for _ in range(max_count):
            if position >= end:
                break
            name_size = data[position]
            value_size = data[position + 1]
            if name_size | value_size < 128:
                name_start = position + 2
            else:
                name_start, name_size, value_size = _long_sizes(data, position)
            value_start = name_start + name_size
            position = value_start + value_size
            pairs[text[name_start:value_start]] = text[value_start:position]
    except (IndexError, struct.error):
        position = end + 1
    if position > end:
        raise _past_the_end(end)
    if position < end:
        raise TooManyPairs(f"more than {max_count} parameters")
    return pairs


def _decode_short_pairs(data: bytes) -> Dict[str, str]:
    """Where every byte is below 128, so that none of them begins a long length, and there are too
    few for too many pairs. Without these two questions a pair takes a quarter fewer steps, and
    the pairs are most of the work on a small request."""
    pairs: Dict[str, str] = {}
    text = data.decode("ascii")
    name_start, end = 2, len(data)
    while name_start <= end:
        value_start = name_start + data[name_start - 2]
        value_end = value_start + data[name_start - 1]
        pairs[text[name_start:value_start]] = text[value_start:value_end]
        name_start = value_end + 2
    if name_start != end + 2:
        raise _past_the_end(end)
    return pairs


def encode_pairs(pairs: Mapping[str, str]) -> bytes:
    """The reverse of :func:`decode_pairs`."""
    parts = []
    for name, value in pairs.items():
        raw_name, raw_value = name.encode("latin-1"), value.encode("latin-1")
        parts += (_size(raw_name), _size(raw_value), raw_name, raw_value)
    return b"".join(parts)


def _past_the_end(end: int) -> PairsError:
    return PairsError(f"a parameter reaches past the end of the {end} bytes sent")


def _long_sizes(data: bytes, position: int) -> Tuple[int, int, int]:
    """Where the name starts, and both sizes, in either form."""
    name_size, position = _one_size(data, position)
    value_size, position = _one_size(data, position)
    return position, name_size, value_size


def _one_size(data: bytes, position: int) -> Tuple[int, int]:
    if data[position] < 128:
        return data[position], position + 1
    return _LONG.unpack_from(data, position)[0] & ~_LONG_FLAG, position + 4


def _size(raw: bytes) -> bytes:
    return bytes((len(raw),)) if len(raw) < 128 else _LONG.pack(len(raw) | _LONG_FLAG)
