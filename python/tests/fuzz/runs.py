"""Many streams in a row, with a watch on time and memory, and what to say when one fails."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import time
import traceback
import tracemalloc
from random import Random
from typing import Callable, Iterator, NamedTuple

from runfcgi.fastcgi.incoming import Incoming

from . import living, parsing, serving
from .living import resident
from .mutations import Stream, mutate
from .sessions import Session, session

# Mutations of one session before there is another: making one takes as long as ten mutations.
_PER_SESSION = 50
_BATCH = 200
# Far above what the largest stream takes, on a machine that is busy with other things.
_HANG_SECONDS = 20
# One stream's most, measured without the stream itself: parameters as bytes, as text and as a
# dictionary, and the copies in between.
_MOST_TRACED = 8 * 1024 * 1024
_TRACED_EVERY = 4000
_MOST_GROWTH = 32 * 1024 * 1024


class Failure(AssertionError):
    """Says which stream it was, and how to see it again."""


class Case(NamedTuple):
    """One stream, the same for ever for its seed and number."""

    source: Random
    session: Session
    stream: Stream


def cases(seed: int, first: int, count: int) -> Iterator[Case]:
    group = -1
    for number in range(first, first + count):
        if number // _PER_SESSION != group:
            group = number // _PER_SESSION
            source = Random(seed * 1_000_003 + group)
            mine, other = session(source), session(source)
        source = Random((seed << 32) + number)
        yield Case(source, mine, mutate(source, mine, other))


def run_parsing(
    seed: int, first: int, count: int, make: parsing.MakeIncoming = Incoming
) -> str:
    """A line about it. Raises Failure."""

    def check(case: Case, number: int) -> None:
        if number % _TRACED_EVERY == 0:
            with _traced():
                parsing.check(case.source, case.session, case.stream, make)
        else:
            parsing.check(case.source, case.session, case.stream, make)

    return _run(seed, first, count, "through the parser", check)


def run_serving(seed: int, first: int, count: int) -> str:
    """A line about it. Raises Failure."""

    def check(case: Case, _number: int) -> None:
        if len(case.stream.data) <= serving.LONGEST:
            serving.check(case.session, case.stream)

    with contextlib.redirect_stderr(serving.Silence()):
        return _run(seed, first, count, "through the gateway", check)


def run_living(seed: int, first: int, count: int) -> str:
    """A line about it. Raises Failure."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="runfcgi-") as directory:
        for words in living.METHODS:
            worker = living.Worker(directory, words)
            try:
                for start in range(first, first + count // len(living.METHODS), _BATCH):
                    batch = [(case.session, case.stream) for case in cases(seed, start, _BATCH)]
                    with _failing(seed, start, _BATCH):
                        worker.check(batch)
            finally:
                worker.stop()
    return f"{count} streams to living workers in {time.monotonic() - begun:.0f} s"


def _run(
    seed: int, first: int, count: int, way: str, check: Callable[[Case, int], None]
) -> str:
    begun, before = time.monotonic(), resident()
    old = signal.signal(signal.SIGALRM, _hangs)
    try:
        for number, case in enumerate(cases(seed, first, count), first):
            if number % _BATCH == 0:
                signal.alarm(_HANG_SECONDS)
            with _failing(seed, number, 1):
                check(case, number)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
    growth = resident() - before
    if growth > _MOST_GROWTH:
        raise Failure(f"{count} streams {way} left {growth} bytes behind (seed {seed})")
    took = time.monotonic() - begun
    return f"{count} streams {way} in {took:.0f} s; memory grew by {growth // 1024} KiB"


@contextlib.contextmanager
def _failing(seed: int, number: int, count: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        again = f"python3 -m tests.fuzz --seed {seed} --first {number} --count {count}"
        raise Failure(f"{traceback.format_exc()}{error}\nSee it again: {again}") from None


@contextlib.contextmanager
def _traced() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if peak > _MOST_TRACED:
        raise parsing.Broken(f"one stream took {peak} bytes of memory")


def _hangs(_signum, _frame) -> None:
    raise parsing.Broken(f"{_BATCH} streams have taken more than {_HANG_SECONDS} s")
