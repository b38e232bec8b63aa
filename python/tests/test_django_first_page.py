"""The rehearsal of a Django page: what Django does at each, and nothing of the application's own."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

from .engine import environment
from .test_django import needs_django

SCRIPT = """
import sys
sys.modules["site_of_this_test"] = sys.modules["__main__"]
import django
from django.conf import settings
from django.core.signals import request_started, request_finished
from django.http import HttpResponse
from django.urls import path

called = []

def mine(get_response):
    def middleware(request):
        called.append("middleware")
        return get_response(request)
    return middleware

def view(request):
    called.append("view")
    return HttpResponse()

urlpatterns = [path("", view)]
settings.configure(
    ALLOWED_HOSTS=[".example.org"],
    ROOT_URLCONF="site_of_this_test",
    SECRET_KEY="secret",
    SECURE_SSL_REDIRECT=True,
    SESSION_SAVE_EVERY_REQUEST=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}},
    INSTALLED_APPS=["django.contrib." + n for n in ("contenttypes", "auth", "sessions", "messages")],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "site_of_this_test.mine",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
)
django.setup()
for signal in (request_started, request_finished):
    signal.connect(lambda **_: called.append("receiver"), weak=False)
from runfcgi.launch import django_first_page
answer, answered = django_first_page._answer, []
django_first_page._answer = lambda request: answered.append(request) or answer(request)
django_first_page.rehearse_page()
request, = answered
print(called, request.session.is_empty(), request.get_host(), hasattr(request, "_messages"))
"""


@needs_django
class RehearsePageTest(unittest.TestCase):
    def test_it_goes_through_djangos_middleware_and_through_nobody_elses(self):
        with tempfile.TemporaryDirectory() as directory:
            database = os.path.join(directory, "database")
            script = textwrap.dedent(SCRIPT)
            output = subprocess.run(
                [sys.executable, "-c", script, database],
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            self.assertEqual(output.stdout.decode(), "[] True example.org True\n")
            self.assertFalse(os.path.exists(database))
