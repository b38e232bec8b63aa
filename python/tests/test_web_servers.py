"""One table for all web servers: what a WSGI application sees of a request behind each of them.

Where a server differs the row says so; why is in docs/operations.md, "With a web server".
"""

import base64
import concurrent.futures
import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import tempfile
import time
import unittest

from .engine import DEADLINE, Engine, foreground_words, is_alive, wait_for
from .web.servers import APACHE_FCGID, APACHE_PROXY, LIGHTTPD, NGINX, NGINX_KEEP_CONN, WebServer

# The URL's path; SCRIPT_NAME and PATH_INFO. None: the web server refuses it by itself.
PATHS = {
    "/": ("", "/"),
    "/blog/1": ("", "/blog/1"),
    "/blog/": ("", "/blog/"),
    "/a%20b": ("", "/a b"),
    "/a%25b": ("", "/a%b"),
    "/a%3Fb": ("", "/a?b"),
    "/a%2Fb": ("", "/a/b"),
    "/a;b=c": ("", "/a;b=c"),
    "/a+b&c": ("", "/a+b&c"),
    "/%C3%A9": ("", "/\xc3\xa9"),
    "/%E4%BD%A0": ("", "/\xe4\xbd\xa0"),
    "/%FF%FE": ("", "/\xff\xfe"),
    "/a//b": ("", "/a/b"),
    "//a": ("", "/a"),
    "/a/../b": ("", "/b"),
    "/application": ("", "/application"),
    "/app": ("/app", ""),
    "/app/": ("/app", "/"),
    "/app/blog/1": ("/app", "/blog/1"),
    "/app/app": ("/app", "/app"),
    "/app/a%20b": ("/app", "/a b"),
    "/app/a%2Fb": ("/app", "/a/b"),
    "/app/%C3%A9": ("/app", "/\xc3\xa9"),
    "/app//a": ("/app", "/a"),
}
QUERIES = {
    "/x": "",
    "/x?": "",
    "/x?a=b%20c&d": "a=b%20c&d",
    "/x?a?b": "a?b",
    "/app?x=1": "x=1",
    "/app/a%3Fb?q=%C3%A9": "q=%C3%A9",
}
TEN_MEGABYTES = bytes(range(256)) * (10 * 1024 * 4)
# Within the body, or before the web server had passed on the head.
CUT = (http.client.IncompleteRead, http.client.RemoteDisconnected)


def _slow_pieces():
    yield b"a=b"
    time.sleep(0.3)
    yield b"&c=d"


class WebServerTests:
    """What must hold behind every one."""

    kind = None
    differences: dict = {}

    @classmethod
    def setUpClass(cls):
        missing = [path for path in cls.kind.needs if not os.path.exists(path)]
        if missing:
            raise unittest.SkipTest(f"{', '.join(missing)}: not installed")
        cls.directory = tempfile.mkdtemp(prefix="runfcgi-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        os.chmod(cls.directory, 0o755)
        path = os.path.join(cls.directory, "s")
        cls.engine = None
        if not cls.kind.starts_site:
            words = ["application=echo_site", "umask=000", "maxspare=3"]
            cls.engine = Engine(foreground_words(path, words), cls.directory)
            cls.addClassCleanup(cls.engine.stop)
            cls.engine.wait_for_log("serving on")
        cls.server = WebServer(cls.kind, cls.directory, path)
        cls.addClassCleanup(cls.server.stop)

    def fetch(self, path, method="GET", body=None, do="tell", is_secure=False, **headers):
        port = self.server.tls_port if is_secure else self.server.port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        if is_secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(
                "127.0.0.1", port, timeout=DEADLINE, context=context
            )
        self.addCleanup(connection.close)
        connection.request(method, path, body, {"X-Do": do, **headers})
        return connection.getresponse()

    def read_or_raise(self, path, **more):
        """The web server's own 500, where it had passed on nothing, is a cut response as well."""
        response = self.fetch(path, **more)
        body = response.read()
        if response.status == 500:
            raise http.client.IncompleteRead(b"")
        return body

    def environ(self, path, **more):
        response = self.fetch(path, **more)
        self.assertEqual(response.status, 200, (path, self.server.log[-500:]))
        return json.loads(response.read())

    @property
    def log(self):
        return self.engine.log if self.engine else self.server.log

    def test_script_name_and_path_info(self):
        for path, expected in {**PATHS, **self.differences}.items():
            with self.subTest(path):
                if expected is None:
                    self.assertEqual(self.fetch(path).status, 400)
                    continue
                environ = self.environ(path)
                self.assertEqual((environ["SCRIPT_NAME"], environ["PATH_INFO"]), expected)
                self.assertEqual(environ["REQUEST_URI"], path)

    def test_the_query_comes_as_it_was_sent(self):
        for path, expected in QUERIES.items():
            with self.subTest(path):
                self.assertEqual(self.environ(path)["QUERY_STRING"], expected)

    def test_the_scheme_and_the_port(self):
        plain = self.environ("/", **{"X-Forwarded-Proto": "https"})
        self.assertEqual(plain["wsgi.url_scheme"], "http")
        self.assertEqual(plain["SERVER_PORT"], str(self.server.port))
        secure = self.environ("/", is_secure=True)
        self.assertEqual(secure["wsgi.url_scheme"], "https")
        self.assertEqual(secure["SERVER_PORT"], str(self.server.tls_port))

    def test_the_user_whom_the_web_server_knows(self):
        self.assertEqual(self.fetch("/private").status, 401)
        words = base64.b64encode(b"visitor:secret").decode()
        environ = self.environ("/private", Authorization=f"Basic {words}")
        self.assertEqual((environ["REMOTE_USER"], environ["PATH_INFO"]), ("visitor", "/private"))
        self.assertFalse(self.environ("/", REMOTE_USER="evil").get("REMOTE_USER"))

    def test_what_else_a_request_has(self):
        environ = self.environ(
            "/", method="POST", body=b"a=b", **{"Content-Type": "text/x", "Proxy": "evil"}
        )
        wanted = {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": "text/x",
            "CONTENT_LENGTH": "3",
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
        }
        self.assertEqual({name: environ.get(name) for name in wanted}, wanted)
        self.assertNotIn("HTTP_PROXY", environ)
        self.assertFalse(any(name.startswith("HTTP_CONTENT_") for name in environ))

    def test_headers_of_thirty_kilobytes(self):
        headers = {f"X-Long-{number}": "v" * 10_000 for number in range(3)}
        environ = self.environ("/", **headers)
        self.assertEqual([len(environ[f"HTTP_X_LONG_{number}"]) for number in range(3)], [10_000] * 3)

    def test_headers_of_the_response(self):
        response = self.fetch("/", do="headers")
        self.assertEqual(response.headers.get_all("Set-Cookie"), ["a=1", "b=2"])
        self.assertEqual(len(response.headers["X-Large"]), 3000)

    def test_responses_without_a_body(self):
        head = self.fetch("/", "HEAD", do="download")
        self.assertEqual((head.status, head.read()), (200, b""))
        # mod_proxy_fcgi leaves it out.
        self.assertIn(head.headers["Content-Length"], (str(len(TEN_MEGABYTES)), None))
        nothing = self.fetch("/", do="nothing")
        self.assertEqual((nothing.status, nothing.read()), (204, b""))

    def test_ten_megabytes_up_and_down(self):
        digest = hashlib.sha256(TEN_MEGABYTES).hexdigest().encode()
        self.assertEqual(self.fetch("/", "POST", TEN_MEGABYTES, do="upload").read(), digest)
        self.assertEqual(self.fetch("/", do="download").read(), TEN_MEGABYTES)

    def test_an_upload_whose_length_nobody_told(self):
        """It is collected first: the application is told."""
        told = self.environ("/", method="POST", body=_slow_pieces())
        self.assertEqual(told["CONTENT_LENGTH"], "7")
        pieces = (TEN_MEGABYTES[at : at + 100_000] for at in range(0, len(TEN_MEGABYTES), 100_000))
        digest = hashlib.sha256(TEN_MEGABYTES).hexdigest().encode()
        self.assertEqual(self.fetch("/", "POST", pieces, do="upload").read(), digest)

    def test_the_answer_to_an_upload_that_was_not_read(self):
        for _ in range(5):
            response = self.fetch("/", "POST", bytes(200_000), do="leave")
            self.assertEqual((response.status, response.read()), (413, b"not read\n"))

    def test_a_response_that_was_cut_looks_cut(self):
        with self.assertRaises(CUT):
            self.read_or_raise("/", do="cut")

    def test_what_a_killed_worker_leaves_unfinished(self):
        """Nobody says that it is cut: some take it for the whole, if they know no length."""
        with self.assertRaises(CUT, msg="with a length"):
            self.read_or_raise("/", do="killed", **{"X-Length": "40", "Connection": "close"})
        if self.kind.takes_the_end_for_whole:
            self.assertEqual(self.read_or_raise("/", do="killed"), b"some of it\n")
        else:
            with self.assertRaises(CUT):
                self.read_or_raise("/", do="killed")

    def test_a_visitor_who_leaves_ends_the_response(self):
        before = self.log.count("the endless response was closed")
        with socket.create_connection(("127.0.0.1", self.server.port), DEADLINE) as visitor:
            visitor.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\nX-Do: endless\r\n\r\n")
            self.assertTrue(visitor.recv(100_000))
        wait_for(
            "the response is closed",
            lambda: self.log.count("the endless response was closed") > before,
        )

    def test_many_requests_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            paths = [f"/{number}" for number in range(120)]
            seen = [environ["PATH_INFO"] for environ in pool.map(self.environ, paths)]
        self.assertEqual(seen, paths)


class NginxTest(WebServerTests, unittest.TestCase):
    kind = NGINX


class NginxKeepConnTest(WebServerTests, unittest.TestCase):
    kind = NGINX_KEEP_CONN


class LighttpdTest(WebServerTests, unittest.TestCase):
    kind = LIGHTTPD
    differences = {"/%FF%FE": None}  # "url-invalid-utf8-reject"


class ApacheProxyTest(WebServerTests, unittest.TestCase):
    kind = APACHE_PROXY


class ApacheFcgidTest(WebServerTests, unittest.TestCase):
    kind = APACHE_FCGID

    def touch(self):
        os.utime(os.path.join(self.directory, "site.fcgi"))

    def test_after_a_touch_a_process_gives_one_more_answer(self):
        pid = self.environ("/")["pid"]
        self.assertEqual(self.environ("/")["pid"], pid)
        self.touch()
        self.assertEqual(self.environ("/")["pid"], pid)
        self.assertNotEqual(self.environ("/")["pid"], pid)
        wait_for("it has left", lambda: not is_alive(pid))

    def test_no_request_is_lost_while_processes_leave(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for _ in range(6):
                answers = [pool.submit(self.environ, f"/{number}") for number in range(20)]
                self.touch()
                for answer in answers:
                    answer.result(DEADLINE)
