"""Tests of the production settings, each in a process and a folder of its own."""

import os
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase

from .secret_key import secret_key

SITE = Path(__file__).resolve().parent.parent
SHOW = "from django.conf import settings as s; print({})"


class InAFolder(SimpleTestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_site(self, *arguments, **environment):
        """Run Python in the site with the production settings and return the finished process."""
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        return subprocess.run(
            [sys.executable, "-B", *arguments],
            cwd=SITE,
            env={**kept, "DJANGO_SETTINGS_MODULE": "settings.production", "MYSITE_DATA": str(self.folder), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            timeout=60,
        )

    def setting(self, expression, **environment):
        return self.run_site("-c", SHOW.format(expression), **environment).stdout.strip()


class SecretKey(InAFolder):
    def test_it_is_made_on_first_use_for_its_owner_alone(self):
        file = self.folder / "secret-key"
        key = secret_key(file)
        self.assertGreaterEqual(len(key), 50)
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertEqual(secret_key(file), key)
        self.assertEqual(os.listdir(self.folder), ["secret-key"])

    def test_workers_that_start_together_agree_on_one_key(self):
        with ThreadPoolExecutor(16) as workers:
            keys = set(workers.map(secret_key, [self.folder / "secret-key"] * 64))
        self.assertEqual(len(keys), 1)

    def test_a_file_that_cannot_be_made_is_named(self):
        with self.assertRaisesRegex(ImproperlyConfigured, "MYSITE_SECRET_KEY_FILE"):
            secret_key(self.folder / "missing" / "secret-key")

    def test_an_empty_file_is_refused(self):
        (self.folder / "secret-key").touch()
        with self.assertRaisesRegex(ImproperlyConfigured, "is empty"):
            secret_key(self.folder / "secret-key")


class Production(InAFolder):
    def test_the_deployment_check_is_silent_over_http_and_https(self):
        for https in ["0", "1"]:
            with self.subTest(https=https):
                check = self.run_site("manage.py", "check", "--deploy", "--fail-level", "WARNING", MYSITE_HTTPS=https)
                self.assertEqual(check.returncode, 0, check.stdout)

    def test_hosts_are_this_machine_and_those_named(self):
        hosts = self.setting("s.ALLOWED_HOSTS", MYSITE_HOSTS="example.org, www.example.org,")
        self.assertEqual(hosts, "['localhost', '127.0.0.1', '[::1]', 'example.org', 'www.example.org']")

    def test_the_database_lies_where_the_environment_says(self):
        database = "s.DATABASES['default']['NAME']"
        self.assertEqual(self.setting(database), str(self.folder / "mysite.sqlite3"))
        self.assertEqual(self.setting(database, MYSITE_DATABASE="/srv/db"), "/srv/db")

    def test_a_data_folder_that_cannot_be_made_is_named(self):
        blocked = self.folder / "file"
        blocked.touch()
        answer = self.run_site("manage.py", "check", MYSITE_DATA=str(blocked / "data"))
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("Set MYSITE_DATA to a folder", answer.stdout)

    def test_the_models_have_their_migrations(self):
        answer = self.run_site("manage.py", "makemigrations", "--check", "--dry-run")
        self.assertEqual(answer.returncode, 0, answer.stdout)

    def test_an_exception_is_logged_and_mailed(self):
        ask = "from mysite.wsgi import application; from django.test import Client; "
        ask += "print(Client(raise_request_exception=False, HTTP_HOST='localhost').get('/error/').status_code)"
        answer = self.run_site("-c", ask)
        self.assertIn("500", answer.stdout)
        self.assertIn("RuntimeError: This page fails on purpose.", answer.stdout)
        (letter,) = (self.folder / "mail").iterdir()
        self.assertIn("To: webmaster@localhost", letter.read_text())
