"""Tests of what both sites share; standard library only."""

import io
import os
import tracemalloc
import unittest

from . import bounds
from .bodies import CHUNK_BYTES, MEBIBYTE, chunks, digest_body
from .worker import count_request, worker_facts


class Zeros:
    """A readable of `left` zero bytes that holds none of them."""

    def __init__(self, left):
        self.left = left

    def read(self, size):
        size = min(size, self.left)
        self.left -= size
        return bytes(size)


def peak_bytes(work):
    """Return the most memory Python held while `work` ran, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class Bodies(unittest.TestCase):
    def test_a_download_has_the_size_asked_for(self):
        self.assertEqual(sum(len(chunk) for chunk in chunks(3)), 3 * MEBIBYTE)
        self.assertEqual(list(chunks(0)), [])

    def test_every_chunk_of_a_download_says_its_number(self):
        for number, chunk in enumerate(chunks(1)):
            self.assertEqual(set(chunk.splitlines()), {b"%015d" % number})

    def test_a_download_of_200_mb_takes_a_few_chunks_of_memory(self):
        self.assertLess(peak_bytes(lambda: sum(len(chunk) for chunk in chunks(200))), 8 * CHUNK_BYTES)

    def test_an_upload_of_200_mb_takes_a_few_chunks_of_memory(self):
        size = 200 * MEBIBYTE
        self.assertLess(peak_bytes(lambda: digest_body(Zeros(size), size)), 8 * CHUNK_BYTES)

    def test_a_digest_is_that_of_the_body(self):
        digest = digest_body(io.BytesIO(b"hello"), 5)
        self.assertEqual(digest.size, 5)
        self.assertEqual(digest.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")

    def test_a_body_that_ends_early_is_seen_by_its_size(self):
        self.assertEqual(digest_body(io.BytesIO(b"hell"), 5).size, 4)

    def test_what_follows_the_body_is_not_read(self):
        stream = io.BytesIO(b"hello, next request")
        digest_body(stream, 5)
        self.assertEqual(stream.read(), b", next request")


class Bounds(unittest.TestCase):
    def test_numbers_within_bounds_are_taken(self):
        self.assertEqual([bounds.mebibytes("0"), bounds.mebibytes("200")], [0, 200])
        self.assertEqual([bounds.seconds("0.25"), bounds.seconds("30")], [0.25, 30])
        self.assertEqual([bounds.content_length(None), bounds.content_length("")], [0, 0])

    def test_other_values_are_refused_by_name(self):
        for text in ["-1", "201", "1.5", "many", "", "nan"]:
            with self.subTest(text), self.assertRaisesRegex(bounds.OutOfBounds, "^mb must be a whole number from 0 to 200"):
                bounds.mebibytes(text)
        for text in ["-0.1", "30.1", "nan", "inf", "soon"]:
            with self.subTest(text), self.assertRaisesRegex(bounds.OutOfBounds, "^seconds must be a number from 0 to 30"):
                bounds.seconds(text)


class Worker(unittest.TestCase):
    def test_requests_are_counted(self):
        before = worker_facts({})["requests"]
        count_request()
        self.assertEqual(worker_facts({})["requests"], before + 1)

    def test_a_forked_worker_counts_from_nothing(self):
        count_request()
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(writing, b"%d" % worker_facts({})["requests"])
            os._exit(0)
        os.waitpid(pid, 0)
        os.close(writing)
        with os.fdopen(reading, "rb") as answer:
            self.assertEqual(answer.read(), b"0")
