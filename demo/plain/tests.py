"""Tests of the plain site: `python3 -m unittest plain.tests`, no Django needed."""

import hashlib
import io
import json
import unittest
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from . import application


def request(path, query="", method="GET", body=b"", **more):
    """Return (status, headers, body) of the site's answer, checked against the WSGI rules."""
    environ = {"SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": method}
    setup_testing_defaults(environ)
    environ.update({"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), **more})
    started = []

    def start_response(status, headers, exc_info=None):
        started.extend([status, dict(headers)])
        return lambda data: None

    answer = validator(application)(environ, start_response)
    try:
        return started[0], started[1], b"".join(answer)
    finally:
        answer.close()


class PlainSite(unittest.TestCase):
    def test_the_pages_answer(self):
        for path in ["/", "/worker/"]:
            with self.subTest(path):
                status, headers, body = request(path)
                self.assertEqual((status, headers["Content-Type"]), ("200 OK", "text/html; charset=utf-8"))
                self.assertEqual(headers["Content-Length"], str(len(body)))

    def test_head_answers_the_headers_alone(self):
        _, headers, body = request("/stream/", "mb=1", "HEAD")
        self.assertEqual((headers["Content-Length"], body), ("1048576", b""))

    def test_the_worker_names_itself(self):
        _, _, body = request("/worker.json")
        self.assertEqual(
            set(json.loads(body)),
            {"pid", "requests", "started", "thread", "multithread", "multiprocess", "python"},
        )

    def test_a_download_streams(self):
        _, headers, body = request("/stream/", "mb=2")
        self.assertEqual((headers["Content-Length"], len(body)), ("2097152", 2097152))

    def test_the_slow_page_answers_after_its_time(self):
        self.assertIn(b"That took 0 seconds.", request("/slow/", "seconds=0")[2])

    def test_values_out_of_bounds_are_refused(self):
        self.assertEqual(request("/slow/", "seconds=31")[0], "400 Bad Request")
        self.assertEqual(request("/stream/", "mb=")[0], "400 Bad Request")

    def test_an_upload_is_answered_with_its_size_and_digest(self):
        body = bytes(range(256)) * 1000
        answer = json.loads(request("/upload/", method="POST", body=body)[2])
        self.assertEqual(answer, {"name": None, "size": 256000, "sha256": hashlib.sha256(body).hexdigest()})

    def test_an_upload_that_ends_early_is_refused(self):
        status, _, body = request("/upload/", method="POST", body=b"hell", CONTENT_LENGTH="5")
        self.assertEqual((status, body), ("400 Bad Request", b"The body ended after 4 of 5 bytes.\n"))

    def test_a_form_is_refused_with_a_hint(self):
        status, _, _ = request("/upload/", method="POST", CONTENT_TYPE="multipart/form-data; boundary=x")
        self.assertEqual(status, "415 Unsupported Media Type")

    def test_a_method_the_page_does_not_take_is_refused(self):
        status, headers, _ = request("/upload/")
        self.assertEqual((status, headers["Allow"]), ("405 Method Not Allowed", "POST"))

    def test_a_missing_page_is_named_and_escaped(self):
        status, _, body = request("/<nowhere>")
        self.assertEqual(status, "404 Not Found")
        self.assertIn(b"<code>/&lt;nowhere&gt;</code>", body)

    def test_the_failing_page_raises(self):
        with self.assertRaisesRegex(RuntimeError, "on purpose"):
            request("/error/")
