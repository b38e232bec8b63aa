"""What may stand in the head of a response."""

import gzip
import io
import os
import tempfile
import unittest

from runfcgi.wsgi.file_wrapper import FileWrapper
from runfcgi.wsgi.head import HeadError, check_head


class HeadTest(unittest.TestCase):
    def test_a_head_is_cgi_lines(self):
        head = check_head("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "12")])
        self.assertEqual(
            head.lines, b"Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n"
        )
        self.assertEqual((head.code, head.content_length, head.has_body), (200, 12, True))

    def test_statuses_that_have_no_body(self):
        for status in ("100 Continue", "101 Switching", "204 No Content", "304 Not Modified"):
            self.assertFalse(check_head(status, []).has_body)

    def test_what_is_refused(self):
        bad_statuses = ["OK", "200", "20 OK", "2000 OK", "200 OK\r\nX: y", "200 \u20ac", b"200 OK"]
        for status in bad_statuses:
            with self.subTest(status=status), self.assertRaises(HeadError):
                check_head(status, [])
        bad_headers = [
            ("A", "b\r\nC: d"),
            ("A", "b\nC: d"),
            ("A", "b\0"),
            ("A\r\nB", "c"),
            ("A: B", "c"),
            ("", "c"),
            ("A B", "c"),
            ("\u00e9", "c"),
            ("A", "\u20ac"),
            ("A", 1),
            ("A", b"c"),
            (b"A", "c"),
            ("A",),
            "AB:",
            ("Connection", "close"),
            ("transfer-encoding", "chunked"),
            ("Upgrade", "h2c"),
            ("Keep-Alive", "5"),
            ("Status", "200 OK"),
            ("Content-Length", "-1"),
            ("Content-Length", "1, 1"),
            ("Content-Length", ""),
        ]
        for header in bad_headers:
            for _ in range(2):  # a name that is refused must not be remembered as good
                with self.subTest(header=header), self.assertRaises(HeadError):
                    check_head("200 OK", [header])
        with self.assertRaises(HeadError):
            check_head("200 OK", (("A", "b"),))

    def test_what_is_allowed(self):
        for value in ("", "a\tb", "\xe9", '"quoted", list;q=0.1'):
            check_head("200 OK", [("X-Value", value)])


class FileWrapperTest(unittest.TestCase):
    def test_a_compressed_file_gives_what_it_means_and_not_its_bytes(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "f.gz")
            with gzip.open(path, "wb") as file:
                file.write(b"text" * 1000)
            with gzip.open(path, "rb") as file:
                wrapper = FileWrapper(file)
                self.assertIsNone(wrapper.remaining())
                self.assertEqual(b"".join(map(bytes, wrapper.blocks())), b"text" * 1000)

    def test_a_real_file_is_given_from_its_position(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"0123456789" * 100_000)
            file.seek(5)
            wrapper = FileWrapper(file)
            self.assertEqual(wrapper.remaining(), 999_995)
            self.assertEqual(sum(map(len, wrapper.blocks())), 999_995)

    def test_anything_with_read_will_do(self):
        class Reader:
            parts = [b"a", b"b", b""]

            def read(self, size):
                return self.parts.pop(0)

        self.assertEqual(list(FileWrapper(Reader())), [b"a", b"b"])
        self.assertFalse(hasattr(FileWrapper(Reader()), "close"))
        self.assertTrue(hasattr(FileWrapper(io.BytesIO()), "close"))
