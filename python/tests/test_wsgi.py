"""PEP 3333 through a real socket: every route of an application, checked by wsgiref.validate."""

import json
import os

from runfcgi.fastcgi import records

from .client import Client, ask, begin, params, request, stdin
from .engine import EngineTest, SharedEngineTest, wait_for

ONE_WORKER = ("maxspare=1", "maxchildren=1")
PREFORK = ("application=validated_site", *ONE_WORKER)
THREADED = ("application=validated_site", "method=threaded", "threads=2")


class WsgiTest(SharedEngineTest):
    words = PREFORK

    def ask(self, path, **more):
        answer = ask(self.socket_path, path, **more)
        # What validate objects to is an AssertionError, and so a 500 with a traceback.
        self.assertNotIn("AssertionError", self.engine.log)
        return answer

    def test_every_route_passes_the_validator_and_the_worker_lives_on(self):
        large_file = os.path.join(self.directory, "large")
        content = os.urandom(700_000)
        with open(large_file, "wb") as file:
            file.write(content)
        rows = [
            ("/hello", {}, "200", b"hello\n"),
            ("/stream", {}, "200", b"0\n1\n2\n3\n4\n"),
            ("/large", {}, "200", bytes(range(256)) * 1024 * 40),
            ("/file", {"QUERY_STRING": large_file}, "200", content),
            ("/file-part", {"QUERY_STRING": large_file}, "206", content[10:30]),
            ("/memory-file", {}, "200", b"in memory"),
            ("/write", {}, "200", b"written, twice, and returned\n"),
            ("/many-headers", {}, "200", b"ok"),
            ("/no-content", {}, "204", b""),
            ("/not-modified", {}, "304", b""),
            ("/empty", {}, "200", b""),
            ("/exact", {}, "200", b"four"),
            ("/own-error", {}, "503", b"sorry\n"),
            ("/empty-then-error", {}, "503", b"sorry\n"),
            ("/late-start", {}, "200", b"late\n"),
            ("/complain", {}, "200", b"ok"),
            ("/nowhere", {}, "404", b"no such page\n"),
            ("/echo", {"body": b"x" * 200_000}, "200", b"x" * 200_000),
            ("/count", {"body": b"x" * 3_000_000}, "200", b"3000000"),
            ("/unread", {"body": b"x" * 300_000}, "413", b"too large\n"),
        ]
        for path, more, status, body in rows:
            with self.subTest(path):
                answer = self.ask(path, **more)
                self.assertTrue(answer.status.startswith(status), answer.status)
                self.assertEqual(answer.body, body)
                self.assertEqual(answer.ended, 0)
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_a_body_is_read_by_lines_too(self):
        answer = self.ask("/lines", body=b"one\ntwo\nthree\nfour")
        self.assertEqual(json.loads(answer.body), ["one\n", "two\n", "three\n", "four"])

    def test_a_body_in_many_small_records_is_read_as_one(self):
        with Client(self.socket_path) as client:
            body = os.urandom(5000)
            head = {"REQUEST_METHOD": "POST", "PATH_INFO": "/echo", "CONTENT_LENGTH": "5000"}
            client.send(begin() + params({**head, "SERVER_NAME": "x", "SERVER_PORT": "80"}))
            for start in range(0, 5000, 7):
                client.send(stdin(body[start : start + 7])[:-8])
            client.send(stdin())
            self.assertEqual(client.read_answer().body, body)

    def test_an_upload_that_was_cut_is_an_error_and_not_a_short_body(self):
        answer = self.ask("/echo", body=b"half", CONTENT_LENGTH="8")
        self.assertEqual(answer.status, "400 Bad Request")
        self.assertIn("ended after 4 of 8 bytes", self.engine.log)

    def test_more_body_than_announced_is_not_shown(self):
        self.assertEqual(self.ask("/echo", body=b"four and more", CONTENT_LENGTH="4").body, b"four")

    def test_a_content_length_that_is_no_number_is_a_bad_request(self):
        for value in ("x", "-1", "1e3", "\xb2", "9" * 30):
            answer = self.ask("/hello", CONTENT_LENGTH=value)
            self.assertEqual(answer.status, "400 Bad Request")
        self.assertEqual(self.ask("/hello", CONTENT_LENGTH="").status, "200 OK")

    def test_head_has_the_headers_of_get_and_no_body(self):
        for path in ("/hello", "/exact", "/stream", "/empty", "/write", "/large"):
            answer = self.ask(path, REQUEST_METHOD="HEAD")
            self.assertEqual((answer.status, answer.body, answer.ended), ("200 OK", b"", 0))

    def test_environ_has_what_pep_3333_asks_for(self):
        environ = json.loads(self.ask("/environ").body)
        self.assertEqual(environ["wsgi.version"], [1, 0])
        self.assertEqual(environ["wsgi.url_scheme"], "http")
        self.assertEqual(environ["wsgi.multithread"], self.words is THREADED)
        self.assertIs(environ["wsgi.multiprocess"], True)
        self.assertIs(environ["wsgi.run_once"], False)
        self.assertEqual((environ["SCRIPT_NAME"], environ["PATH_INFO"]), ("", "/environ"))

    def test_a_request_without_any_parameter_is_answered(self):
        with Client(self.socket_path) as client:
            client.send(begin() + params({}) + stdin())
            self.assertEqual(client.read_answer().body, b"hello\n")


class ThreadedWsgiTest(WsgiTest):
    words = THREADED


class MisbehaviourTest(SharedEngineTest):
    """Applications that break PEP 3333, and what their clients see."""

    words = ONE_WORKER

    def ask(self, path, **more):
        return ask(self.socket_path, path, **more)

    def test_what_goes_wrong_before_the_head_is_a_500_and_in_both_logs(self):
        complaints = {
            "/raise": "RuntimeError: before <the> headers",
            "/raise-started": "RuntimeError: after start_response",
            "/exit": "SystemExit: 3",
            "/twice": "a second time without exc_info",
            "/no-start": "without calling start_response",
            "/no-start-at-all": "without calling start_response",
            "/write-text": "gave str, not bytes",
            "/text": "gave str, not bytes",
            "/split-header": "control character",
            "/hop-by-hop": "hop-by-hop",
        }
        for path, complaint in complaints.items():
            with self.subTest(path):
                answer = self.ask(path)
                self.assertEqual(answer.status, "500 Internal Server Error")
                self.assertEqual(answer.ended, 0)
                self.assertNotIn(b"Traceback", answer.body)
                self.assertNotIn("Set-Cookie", answer.headers)
                self.assertIn(complaint, answer.errors.decode())
                self.assertIn(complaint, self.engine.log)
        self.assertEqual(self.ask("/hello").status, "200 OK")

    def test_what_goes_wrong_within_the_body_cuts_the_connection(self):
        for path in ("/raise-late", "/too-short", "/one-block-too-short", "/late-own-error"):
            with self.subTest(path):
                answer = self.ask(path)
                self.assertEqual(answer.status, "200 OK")
                self.assertIsNone(answer.ended)
                self.assertIn(b"within its response, which is cut", answer.errors)

    def test_start_response_raises_what_it_is_given_once_the_head_is_sent(self):
        self.assertIn(b"ValueError: oops after the head", self.ask("/late-own-error").errors)

    def test_a_head_that_was_not_sent_is_replaced_whole(self):
        answer = self.ask("/empty-then-error")
        self.assertEqual(answer.status, "503 Sorry")
        self.assertNotIn("X-First", answer.headers)

    def test_a_kept_connection_is_cut_as_well(self):
        with Client(self.socket_path) as client:
            client.send(request("/raise-late", keep=True))
            self.assertIsNone(client.read_answer().ended)

    def test_more_than_the_announced_length_is_not_sent(self):
        rows = {"/too-long": b"four", "/one-block-too-long": b"four", "/written-length": b"fourmore"}
        for path, body in rows.items():
            answer = self.ask(path)
            self.assertEqual((answer.body, answer.ended), (body, 0))
            self.assertIn(b"more than its Content-Length of %d" % len(body), answer.errors)

    def test_a_304_has_no_body_whatever_the_application_gives(self):
        self.assertEqual(self.ask("/not-modified-with-body").body, b"")

    def test_the_length_is_given_where_it_is_known(self):
        self.assertEqual(self.ask("/hello", REQUEST_METHOD="HEAD").headers["Content-Length"], "6")
        lengths = {"/hello": "6", "/large": "10485760", "/empty": "0", "/stream": None}
        for path, length in lengths.items():
            self.assertEqual(self.ask(path).headers.get("Content-Length"), length)
        self.assertNotIn("Content-Length", self.ask("/not-modified").headers)
        self.assertNotIn("Content-Length", self.ask("/no-content").headers)

    def test_headers_may_repeat(self):
        with Client(self.socket_path) as client:
            client.send(request("/cookies"))
            raw = b"".join(iter(lambda: (client.read_record() or (0, 0, b""))[2], b""))
        self.assertIn(b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n", raw)

    def assert_closed_once(self, path, act):
        """``act`` gets a connection on which ``path`` was asked for."""
        before = self.engine.log.count("the iterable was closed")
        with Client(self.socket_path) as client:
            act(client)
        wait_for(
            f"the iterable of {path} is closed",
            lambda: self.engine.log.count("the iterable was closed") > before,
        )
        self.ask("/hello")
        self.assertEqual(self.engine.log.count("the iterable was closed"), before + 1)

    def test_an_iterable_is_closed_whatever_happens(self):
        paths = (
            "/closing", "/closing-raise", "/closing-not-modified", "/closing-too-long",
            "/closing-no-start", "/closing-file",
        )  # fmt: skip
        for path in paths:
            for method in ("GET", "HEAD"):
                self.assert_closed_once(
                    path, lambda client: client.ask(path, REQUEST_METHOD=method)
                )

    def test_an_iterable_is_closed_when_the_request_is_aborted_or_its_body_cut(self):
        head = {"REQUEST_METHOD": "POST", "PATH_INFO": "/reads-while-answering"}
        ends = (records.record(records.ABORT_REQUEST, 1), stdin(b"short"), b"\x09" * 8)
        for end in ends:

            def act(client):
                client.send(begin() + params({**head, "CONTENT_LENGTH": "9"}))
                client.read_record()
                client.send(end)
                client.read_answer()

            self.assert_closed_once(head["PATH_INFO"], act)

    def test_an_iterable_is_closed_when_the_client_has_gone(self):
        before = self.engine.log.count("the iterable was closed")
        with Client(self.socket_path) as client:
            client.send(request("/closing-endless"))
            client.read_record()
        self.engine.wait_for_log(r"closing-endless was not answered: the web server closed")
        wait_for(
            "the iterable is closed",
            lambda: self.engine.log.count("the iterable was closed") == before + 1,
        )

    def test_an_error_in_close_does_not_spoil_the_response(self):
        answer = self.ask("/close-raises")
        self.assertEqual((answer.body, answer.ended), (b"whole\n", 0))
        self.engine.wait_for_log("after its response was complete")

    def test_errors_go_to_the_web_server_and_to_standard_error(self):
        answer = self.ask("/complain")
        self.assertEqual(answer.errors.decode(), "a complaint: \u20ac\n")
        self.assertIn("a complaint: ", self.engine.log)

    def test_each_block_is_sent_before_the_next_is_asked_for(self):
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as client:
            client.send(request("/gated", QUERY_STRING=gate))
            client.read_record()
            self.assertEqual(client.read_record().content, b"first\n")
            open(gate, "w").close()
            self.assertEqual(client.read_record().content, b"second\n")

    def test_the_application_starts_before_the_body_has_arrived(self):
        with Client(self.socket_path) as client:
            head = {"REQUEST_METHOD": "POST", "PATH_INFO": "/unread", "CONTENT_LENGTH": "1000000"}
            client.send(begin() + params(head))
            answer = client.read_answer()
            self.assertEqual((answer.status, answer.ended), ("413 Payload Too Large", 0))

    def test_a_large_upload_and_a_large_download_stay_flat_in_memory(self):
        before = int(self.ask("/memory").body)
        with Client(self.socket_path) as client:
            size = 50 * 1024 * 1024
            head = {"REQUEST_METHOD": "POST", "PATH_INFO": "/count", "CONTENT_LENGTH": str(size)}
            client.send(begin() + params(head))
            block = stdin(bytes(32768))[:-8]
            for _ in range(size // 32768):
                client.send(block)
            client.send(stdin())
            self.assertEqual(client.read_answer().body, str(size).encode())
        self.assertEqual(len(self.ask("/download", QUERY_STRING="50").body), size)
        sparse = os.path.join(self.directory, "sparse")
        with open(sparse, "wb") as file:
            file.truncate(size)
        self.assertEqual(len(self.ask("/file", QUERY_STRING=sparse).body), size)
        self.assertLess(int(self.ask("/memory").body) - before, 8000)


class DebugTest(EngineTest):
    def test_debug_shows_the_traceback_in_the_page(self):
        self.serve(*ONE_WORKER, "debug=true")
        page = ask(self.socket_path, "/raise").body
        self.assertIn(b"RuntimeError: before &lt;the&gt; headers", page)
        self.assertIn(b"plain_site.py", page)
        self.assertNotIn(b"gateway.py", page)

    def test_debug_false_means_false(self):
        self.serve(*ONE_WORKER, "debug=false")
        self.assertNotIn(b"RuntimeError", ask(self.socket_path, "/raise").body)
