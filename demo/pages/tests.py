"""Tests of the pages that show a worker at work. None of them may touch the database."""

import hashlib
import os
from unittest.mock import patch

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import UnreadablePostError
from django.test import Client, SimpleTestCase, override_settings

BODY = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()


class Pages(SimpleTestCase):
    def test_the_pages_answer(self):
        for address in ["/", "/worker/", "/upload/"]:
            with self.subTest(address):
                self.assertContains(self.client.get(address), "/static/site.css")

    def test_an_unchanged_page_is_not_sent_again(self):
        tag = self.client.get("/")["ETag"]
        self.assertEqual(self.client.get("/", HTTP_IF_NONE_MATCH=tag).status_code, 304)

    def test_the_worker_names_itself_and_counts(self):
        first = self.client.get("/worker.json").json()
        second = self.client.get("/worker.json").json()
        self.assertEqual(first["pid"], os.getpid())
        self.assertEqual(second["requests"], first["requests"] + 1)
        self.assertEqual(first["settings"], os.environ["DJANGO_SETTINGS_MODULE"])

    def test_the_worker_page_is_never_cached(self):
        self.assertIn("no-store", self.client.get("/worker/")["Cache-Control"])

    def test_a_download_streams(self):
        answer = self.client.get("/stream/?mb=2")
        self.assertTrue(answer.streaming)
        self.assertEqual(answer["Content-Length"], "2097152")
        self.assertEqual(sum(len(chunk) for chunk in answer), 2097152)

    def test_values_out_of_bounds_are_refused(self):
        for address in ["/stream/?mb=201", "/stream/?mb=x", "/slow/?seconds=31", "/slow/?seconds=nan"]:
            with self.subTest(address):
                self.assertContains(self.client.get(address), "must be a", status_code=400)

    def test_the_slow_page_waits_as_long_as_asked(self):
        with patch("pages.views.time.sleep") as sleep:
            self.assertContains(self.client.get("/slow/?seconds=5"), "That took 5 seconds.")
        sleep.assert_called_once_with(5.0)


class Upload(SimpleTestCase):
    def test_a_raw_body_is_answered_with_its_size_and_digest(self):
        # curl --data-binary names this type, with which Django would look for a form.
        for content_type in ["application/octet-stream", "application/x-www-form-urlencoded"]:
            with self.subTest(content_type):
                answer = self.client.post("/upload/", BODY, content_type=content_type)
                self.assertEqual(answer.json(), {"name": None, "size": len(BODY), "sha256": SHA256})

    def test_a_form_is_answered_with_size_digest_and_name(self):
        answer = self.client.post("/upload/", {"file": SimpleUploadedFile("a.bin", BODY)})
        self.assertEqual(answer.json(), {"name": "a.bin", "size": len(BODY), "sha256": SHA256})

    def test_a_browser_gets_a_page(self):
        answer = self.client.post(
            "/upload/", {"file": SimpleUploadedFile("a.bin", BODY)}, HTTP_ACCEPT="text/html,*/*;q=0.8"
        )
        self.assertContains(answer, SHA256)

    def test_a_form_without_a_file_or_with_two_is_refused(self):
        files = [SimpleUploadedFile(name, b"x") for name in ("a", "b")]
        self.assertContains(self.client.post("/upload/", {"x": "y"}), "not 0", status_code=400)
        self.assertContains(self.client.post("/upload/", {"file": files}), "not 2", status_code=400)

    def test_a_program_needs_no_token(self):
        answer = Client(enforce_csrf_checks=True).post("/upload/", BODY, content_type="application/octet-stream")
        self.assertEqual(answer.status_code, 200)

    def test_a_body_that_ends_early_is_refused(self):
        with patch("django.core.handlers.wsgi.WSGIRequest.read", side_effect=[b"hell", b""]):
            answer = self.client.post("/upload/", b"hello", content_type="application/octet-stream")
        self.assertContains(answer, "ended after 4 of 5 bytes", status_code=400)

    def test_a_visitor_who_goes_away_is_no_error(self):
        with patch("django.core.handlers.wsgi.WSGIRequest.read", side_effect=UnreadablePostError("gone")):
            answer = self.client.post("/upload/", b"hello", content_type="application/octet-stream")
        self.assertEqual(answer.status_code, 400)


@override_settings(DEBUG=False)
class Failures(SimpleTestCase):
    def test_a_missing_page_is_named_and_escaped(self):
        answer = self.client.get("/<nowhere>/")
        self.assertContains(answer, "<code>/&lt;nowhere&gt;/</code>", status_code=404)
        self.assertContains(answer, "/static/site.css", status_code=404)

    def test_the_500_page_needs_no_other_template_and_no_static_file(self):
        self.client.raise_request_exception = False
        with self.assertLogs("django.request", "ERROR"):
            answer = self.client.get("/error/")
        self.assertContains(answer, "Something went wrong.", status_code=500)
        self.assertEqual([template.name for template in answer.templates], ["500.html"])
        self.assertNotIn(b"/static/", answer.content)
