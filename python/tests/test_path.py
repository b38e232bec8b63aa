"""SCRIPT_NAME, PATH_INFO and the rest of the environ, as each web server sends them."""

import unittest

from runfcgi.wsgi.environ import complete, content_length, url_scheme
from runfcgi.wsgi.path import split_path


class SplitPathTest(unittest.TestCase):
    def assert_split(self, expected, **params):
        self.assertEqual(split_path(params), expected)

    def test_nginx_with_path_info_only(self):
        self.assert_split(("", "/blog/1"), PATH_INFO="/blog/1", REQUEST_URI="/blog/1?q=1")

    def test_nginx_with_its_stock_parameters(self):
        stock = {"SCRIPT_NAME": "/blog/1", "DOCUMENT_URI": "/blog/1", "REQUEST_URI": "/blog/1?q"}
        self.assert_split(("", "/blog/1"), **stock)
        self.assert_split(("", "/blog/1"), PATH_INFO="/blog/1", **stock)

    def test_nginx_with_a_path_it_has_normalised(self):
        self.assert_split(
            ("", "/a/b"),
            SCRIPT_NAME="/a/b",
            PATH_INFO="/a/b",
            DOCUMENT_URI="/a/b",
            REQUEST_URI="/x/..//a//b",
        )

    def test_nginx_splitting_the_path_below_a_prefix(self):
        rows = {"/blog/1": "/app/blog/1", "": "/app", "/": "/app/", "/app": "/app/app"}
        for info, uri in rows.items():
            self.assert_split(
                ("/app", info),
                SCRIPT_NAME="/app",
                PATH_INFO=info,
                DOCUMENT_URI=uri,
                REQUEST_URI=uri,
            )

    def test_lighttpd_or_apache_rewriting_all_urls_to_a_script(self):
        for path in ("/", "/blog/1", "/site.fcgi"):
            self.assert_split(
                ("", path), SCRIPT_NAME="/site.fcgi", PATH_INFO=path, REQUEST_URI=path + "?a=b"
            )

    def test_a_script_that_is_visible_in_the_url_stays(self):
        self.assert_split(
            ("/site.fcgi", "/blog/1"),
            SCRIPT_NAME="/site.fcgi",
            PATH_INFO="/blog/1",
            REQUEST_URI="/site.fcgi/blog/1",
        )
        self.assert_split(("/site.fcgi", ""), SCRIPT_NAME="/site.fcgi", REQUEST_URI="/site.fcgi")

    def test_apache_mod_proxy_fcgi(self):
        rows = [
            ("proxy:fcgi://127.0.0.1:3033/blog/1", "/blog/1", ("", "/blog/1")),
            ("proxy:fcgi://127.0.0.1:3033/blog/1", "/app/blog/1", ("/app", "/blog/1")),
            ("proxy:fcgi://127.0.0.1:3033/app/blog", "/app/blog", ("", "/app/blog")),
            ("proxy:fcgi://127.0.0.1:3033//blog/1", "/app/blog/1", ("/app", "/blog/1")),
            ("proxy:fcgi://127.0.0.1:3033//", "/app/", ("/app", "/")),
            ("proxy:fcgi://127.0.0.1:3033/", "/app", ("/app", "")),
            ("proxy:fcgi://localhost/a%20b?x=1", "/app/a b", ("/app", "/a b")),
            ("proxy:fcgi://localhost/a%2Fb%20c", "/app/a%2Fb c", ("/app", "/a%2Fb c")),
            ("proxy:fcgi://localhost/a%2fb", "/app/a/b", ("/app", "/a/b")),
            ("proxy:unix:/run/s.sock|fcgi://localhost/b/", "/app/b/", ("/app", "/b/")),
            ("proxy:unix:/run/s.sock|fcgi://localhost/var/www/x", "/blog", ("", "/blog")),
        ]
        for filename, script, expected in rows:
            self.assert_split(
                expected, SCRIPT_FILENAME=filename, SCRIPT_NAME=script, REQUEST_URI=script
            )

    def test_only_a_request_uri(self):
        self.assert_split(("", "/a b/\xc3\xa9"), REQUEST_URI="/a%20b/%C3%A9?q=%20")
        self.assert_split(("", "/x"), REQUEST_URI="http://host:80/x?y")
        self.assert_split(("", "/"), REQUEST_URI="http://host")
        self.assert_split(("", "/"))

    def test_bytes_beyond_latin_letters_stay_bytes(self):
        euro = "/\xe2\x82\xac"
        self.assert_split(("", euro), SCRIPT_NAME=euro, PATH_INFO=euro, REQUEST_URI="/%E2%82%AC")

    def test_what_validators_forbid_is_put_right(self):
        self.assert_split(("", "/"), SCRIPT_NAME="/", PATH_INFO="")
        self.assert_split(("", "/a"), SCRIPT_NAME="/", PATH_INFO="a")
        self.assert_split(("/app", "/a"), SCRIPT_NAME="/app/", PATH_INFO="a")
        self.assert_split(("", "/a"), PATH_INFO="a")


class EnvironTest(unittest.TestCase):
    def complete(self, **params):
        complete(params, {"wsgi.version": (1, 0)})
        return params

    def test_a_proxy_header_does_not_become_the_variable(self):
        self.assertNotIn("HTTP_PROXY", self.complete(HTTP_PROXY="http://evil"))

    def test_what_may_not_be_empty_is_not(self):
        environ = self.complete(SERVER_NAME="", SERVER_PORT="", HTTP_HOST="example.org:81")
        self.assertEqual((environ["SERVER_NAME"], environ["SERVER_PORT"]), ("example.org", "80"))
        environ = self.complete(HTTP_HOST="[::1]:81", HTTPS="on")
        self.assertEqual((environ["SERVER_NAME"], environ["SERVER_PORT"]), ("[::1]", "443"))
        self.assertEqual(self.complete(SERVER_ADDR="10.0.0.1")["SERVER_NAME"], "10.0.0.1")
        self.assertEqual(self.complete()["SERVER_NAME"], "localhost")

    def test_the_query_is_taken_from_the_uri_where_it_is_missing(self):
        self.assertEqual(self.complete(REQUEST_URI="/a?b=c?d")["QUERY_STRING"], "b=c?d")
        self.assertEqual(self.complete(REQUEST_URI="/?x", QUERY_STRING="")["QUERY_STRING"], "")

    def test_doubled_content_headers_have_one_name(self):
        environ = self.complete(
            CONTENT_LENGTH="", HTTP_CONTENT_LENGTH="5", CONTENT_TYPE="a/b", HTTP_CONTENT_TYPE="c/d"
        )
        self.assertEqual((environ["CONTENT_LENGTH"], environ["CONTENT_TYPE"]), ("5", "a/b"))
        self.assertFalse(any(name.startswith("HTTP_CONTENT") for name in environ))
        self.assertEqual(content_length(environ), 5)

    def test_the_scheme_is_the_web_servers_word(self):
        for value in ("on", "ON", "1", "yes", "true", "https"):
            self.assertEqual(url_scheme({"HTTPS": value}), "https")
        for value in ("off", "0", "no"):
            self.assertEqual(url_scheme({"HTTPS": value, "REQUEST_SCHEME": "https"}), "http")
        self.assertEqual(url_scheme({"REQUEST_SCHEME": "https"}), "https")
        self.assertEqual(url_scheme({"HTTPS": "", "REQUEST_SCHEME": "http"}), "http")
        self.assertEqual(url_scheme({"HTTP_X_FORWARDED_PROTO": "https"}), "http")

    def test_nobody_can_send_wsgi_variables(self):
        self.assertEqual(self.complete(**{"wsgi.version": "evil"})["wsgi.version"], (1, 0))
