"""Django projects, by directory and settings and by manage.py.

Skipped where this interpreter has no Django; what is said about that is tested everywhere.
"""

import importlib.util
import os
import signal
import subprocess
import sys
import unittest

from .client import ask
from .engine import SITES, EngineTest, SharedEngineTest, Supervised, environment

HAS_DJANGO = importlib.util.find_spec("django") is not None
SITE = os.path.join(SITES, "django_site")
PROJECT = (f"project={SITE}", "settings=site_settings")
needs_django = unittest.skipUnless(HAS_DJANGO, "Django is not installed for this interpreter")


class Pages:
    """What a visitor sees, however the project was started."""

    def ask(self, path, **more):
        return ask(self.socket_path, path, **more)

    def test_a_page_has_its_length(self):
        answer = self.ask("/")
        self.assertEqual((answer.status, answer.body), ("200 OK", b"hello from django\n"))
        self.assertEqual(answer.headers["Content-Length"], "18")

    def test_streams_files_and_bodiless_responses(self):
        self.assertEqual(self.ask("/stream").body, b"0\n1\n2\n")
        path = os.path.join(self.directory, "file")
        with open(path, "wb") as file:
            file.write(os.urandom(500_000))
        with open(path, "rb") as file:
            self.assertEqual(self.ask("/download", QUERY_STRING=path).body, file.read())
        self.assertEqual(self.ask("/unchanged").body, b"")
        self.assertEqual(self.ask("/", REQUEST_METHOD="HEAD").body, b"")

    def test_the_url_is_the_visitors(self):
        answer = self.ask("/where/caf\xc3\xa9", HTTP_HOST="example.org", HTTPS="on")
        self.assertEqual(
            answer.body.decode(), "/where/café https://example.org/where/caf%C3%A9"
        )
        answer = self.ask("/where/x", SCRIPT_NAME="/app", REQUEST_URI="/app/where/x")
        self.assertTrue(answer.body.startswith(b"/app/where/x http://"), answer.body)

    def test_an_upload_of_three_megabytes(self):
        boundary = b"--b\r\nContent-Disposition: form-data; name=file; filename=f\r\n\r\n"
        body = boundary + bytes(3_000_000) + b"\r\n--b--\r\n"
        answer = self.ask("/upload", body=body, CONTENT_TYPE="multipart/form-data; boundary=b")
        self.assertEqual(answer.body, b"3000000")
        self.assertEqual(self.ask("/upload", body=b"raw").body, b"3")

    def test_the_database_is_opened_by_each_worker(self):
        for _ in range(5):
            self.assertEqual(self.ask("/database").body, b"42")

    def test_errors_are_djangos_own_pages(self):
        self.assertEqual(self.ask("/nowhere").status, "404 Not Found")
        self.assertEqual(self.ask("/broken").status, "500 Internal Server Error")


@needs_django
class ProjectTest(Pages, SharedEngineTest):
    words = PROJECT


@needs_django
class ThreadedProjectTest(Pages, SharedEngineTest):
    words = (*PROJECT, "method=threaded")


@needs_django
class ManagePyTest(EngineTest):
    def manage(self, *words, **environ):
        command = [sys.executable, os.path.join(SITE, "manage.py"), "runfcgi"]
        return self.start(*words, command=command, **environ)

    def test_the_book_in_the_foreground(self):
        for method in ("prefork", "threaded"):
            words = (f"method={method}", f"socket={self.socket_path}", "daemonize=false")
            engine = self.manage(*words, "pidfile=django.pid")
            engine.wait_for_log("serving on")
            self.assertEqual(ask(self.socket_path).body, b"hello from django\n")
            engine.signal(signal.SIGINT)
            self.assertEqual(engine.wait_for_exit(), 0)
            self.assertEqual(os.listdir(self.directory), [])

    def test_djangos_own_options_work_too(self):
        words = ("--settings", "broken_urls_settings", f"socket={self.socket_path}")
        engine = self.manage(*words, "daemonize=false")
        self.assertEqual(engine.wait_for_exit(), 1)
        self.assertIn('the root URLconf "broken_urls" raised ModuleNotFoundError', engine.log)

    def test_help_and_wrong_words(self):
        engine = self.manage("help")
        self.assertEqual(engine.wait_for_exit(), 0)
        self.assertIn("usage: manage.py runfcgi KEY=VALUE", engine.log)
        engine = self.manage("sockte=x")
        self.assertEqual(engine.wait_for_exit(), 78)
        self.assertIn('did you mean "socket"?', engine.log)
        engine = self.manage("application=plain_site")
        self.assertEqual(engine.wait_for_exit(), 78)
        self.assertIn("manage.py serves its own project", engine.log)


@needs_django
class ProjectProblemsTest(EngineTest):
    def failure(self, *words):
        worker = Supervised(self, *words).start()
        event = worker.next_event()
        self.assertEqual(event["event"], "load-failed")
        self.assertEqual(worker.engine.wait_for_exit(), 1)
        os.unlink(self.socket_path)
        return event

    def test_what_is_wrong_with_a_project_is_said(self):
        project = f"project={SITE}"
        event = self.failure(project, "settings=nowhere.settings")
        self.assertIn(f'directory {SITE} has no module "nowhere.settings"', event["message"])
        event = self.failure(project, "settings=broken_settings")
        self.assertIn('"broken_settings" raised NameError', event["message"])
        self.assertIn("undefined_name", event["traceback"])
        event = self.failure(project, "settings=broken_urls_settings")
        self.assertIn("urls_that_do_not_exist", event["message"])
        self.assertIn("broken_urls.py", event["traceback"])
        event = self.failure("project=/nonexistent", "settings=x")
        self.assertIn('no directory "/nonexistent"', event["message"])
        event = self.failure(project)
        self.assertIn("which settings?", event["message"])

    def test_a_supervised_project_is_ready_and_serves(self):
        worker = Supervised(self, *PROJECT).start()
        self.assertEqual(worker.next_event(), {"event": "ready"})
        self.assertEqual(ask(self.socket_path).body, b"hello from django\n")


class WithoutDjangoTest(EngineTest):
    def test_the_interpreter_without_django_is_named(self):
        # -S leaves out site-packages, and with it Django where it is installed.
        command = [sys.executable, "-S", "-m", "runfcgi"]
        engine = self.start(*PROJECT, command=command)
        self.assertEqual(engine.wait_for_exit(), 1)
        self.assertIn(
            f"Django is not installed for this interpreter ({sys.executable})", engine.log
        )


@needs_django
class FirstPageTest(unittest.TestCase):
    """Loading builds what the first page would wait for."""

    def load(self, settings, question):
        """What ``question`` evaluates to in a process that has loaded the project."""
        program = (
            "from runfcgi.launch.django_project import load_project\n"
            f"load_project({SITE!r}, {settings!r})\n"
            "import sys\n"
            "from django.template import engines\n"
            "from django.urls import get_resolver\n"
            f"print({question})"
        )
        command = [sys.executable, "-B", "-c", program]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.strip()

    def test_the_names_of_urls_are_known_to_all_workers(self):
        self.assertEqual(self.load("site_settings", "bool(get_resolver()._reverse_dict)"), "True")

    def test_templates_that_cannot_be_had_stop_only_the_pages_that_need_them(self):
        self.assertEqual(self.load("missing_templates_settings", "len(engines.templates)"), "2")

    def test_the_storage_of_messages_is_imported_where_messages_are_used(self):
        storage = "'django.contrib.messages.storage.fallback' in sys.modules"
        self.assertEqual(self.load("site_settings", storage), "False")
        self.assertEqual(self.load("messages_settings", storage), "True")

    def test_the_patterns_of_middleware_are_compiled(self):
        known = "type(get_host.__globals__['host_validation_re']._wrapped).__name__"
        question = known.replace("get_host", "sys.modules['django.http.request'].HttpRequest.get_host")
        self.assertEqual(self.load("site_settings", question), "Pattern")

    def test_no_view_or_middleware_is_called(self):
        self.assertEqual(self.load("messages_settings", "sys.modules['calls'].seen"), "[]")
