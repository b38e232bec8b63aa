"""The engine behind a real nginx: what a visitor's HTTP client sees."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from .engine import DEADLINE, Engine, foreground_words, wait_for
from .free_port import free_port

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
# Within the body, or before nginx had passed on the head.
CUT = (http.client.IncompleteRead, http.client.RemoteDisconnected)

CONFIGURATION = """
daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log info;
events {{ worker_connections 256; }}
http {{
  access_log off; client_max_body_size 0;
  client_body_temp_path {directory}/body; fastcgi_temp_path {directory}/fastcgi;
  proxy_temp_path {directory}/p; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/c;
  upstream kept {{ server unix:{socket}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{port};
    include /etc/nginx/fastcgi_params;
    location / {{ fastcgi_pass unix:{socket}; }}
    location /unbuffered/ {{
      rewrite ^/unbuffered(.*) $1 break; fastcgi_param PATH_INFO $fastcgi_script_name;
      include /etc/nginx/fastcgi_params;
      fastcgi_pass unix:{socket}; fastcgi_buffering off; fastcgi_request_buffering off;
    }}
    location /kept/ {{
      rewrite ^/kept(.*) $1 break; fastcgi_keep_conn on; fastcgi_pass kept;
    }}
  }}
}}
"""


@unittest.skipUnless(NGINX, "nginx is not installed")
class NginxTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="runfcgi-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        os.chmod(cls.directory, 0o755)
        path = os.path.join(cls.directory, "s")
        cls.engine = Engine(foreground_words(path, ["umask=000", "maxspare=2"]), cls.directory)
        cls.addClassCleanup(cls.engine.stop)
        cls.engine.wait_for_log("serving on")
        cls.port = free_port()
        configuration = os.path.join(cls.directory, "nginx.conf")
        with open(configuration, "w") as file:
            file.write(
                CONFIGURATION.format(directory=cls.directory, socket=path, port=cls.port)
            )
        cls.nginx = subprocess.Popen(
            [NGINX, "-c", configuration, "-p", cls.directory], stderr=subprocess.DEVNULL
        )
        cls.addClassCleanup(cls.stop_nginx)
        wait_for("nginx listens", cls.is_listening)

    @classmethod
    def stop_nginx(cls):
        cls.nginx.send_signal(signal.SIGTERM)
        cls.nginx.wait(DEADLINE)

    @classmethod
    def is_listening(cls):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", cls.port)) == 0

    def fetch(self, path, method="GET", body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        self.addCleanup(connection.close)
        connection.request(method, path, body)
        return connection.getresponse()

    def test_pages_with_the_stock_parameters(self):
        response = self.fetch("/hello")
        self.assertEqual((response.status, response.read()), (200, b"hello\n"))
        self.assertEqual(self.fetch("/nowhere").status, 404)
        self.assertEqual(self.fetch("/raise").status, 500)
        self.assertEqual(self.fetch("/not-modified").status, 304)
        self.assertEqual(self.fetch("/hello", "HEAD").read(), b"")

    def test_the_path_is_decoded_and_not_doubled(self):
        for prefix in ("", "/unbuffered", "/kept"):
            environ = self.fetch(prefix + "/environ").read()
            self.assertIn(b'"PATH_INFO": "/environ", ', environ)
            self.assertIn(b'"SCRIPT_NAME": "", ', environ)

    def test_an_upload_of_ten_megabytes_in_each_mode(self):
        body = os.urandom(1_000_000) * 10
        for prefix in ("", "/unbuffered", "/kept"):
            with self.subTest(prefix=prefix):
                self.assertEqual(self.fetch(prefix + "/count", "POST", body).read(), b"10000000")

    def test_a_response_to_an_upload_that_was_not_read(self):
        for prefix in ("", "/unbuffered", "/kept"):
            for _ in range(5):
                response = self.fetch(prefix + "/unread", "POST", bytes(200_000))
                self.assertEqual((response.status, response.read()), (413, b"too large\n"))

    def test_a_download_of_a_hundred_megabytes(self):
        size = sum(map(len, iter(lambda r=self.fetch("/download?100"): r.read(1 << 20), b"")))
        self.assertEqual(size, 100 * 1024 * 1024)

    def test_a_response_that_was_cut_looks_cut(self):
        for prefix in ("", "/unbuffered", "/kept"):
            with self.subTest(prefix=prefix), self.assertRaises(CUT):
                self.fetch(prefix + "/raise-late").read()

    def test_many_requests_on_kept_connections(self):
        for _ in range(100):
            self.assertEqual(self.fetch("/kept/hello").read(), b"hello\n")

    def test_a_visitor_who_leaves_ends_the_stream(self):
        with socket.create_connection(("127.0.0.1", self.port), 10) as visitor:
            visitor.sendall(b"GET /unbuffered/closing-endless HTTP/1.0\r\n\r\n")
            self.assertTrue(visitor.recv(100_000))
        self.engine.wait_for_log("the iterable was closed")
