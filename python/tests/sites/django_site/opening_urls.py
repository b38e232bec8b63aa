"""A URLconf that opens the database, once when it is loaded and again at SIGUSR1."""

import signal

from django.db import connection
from site_urls import urlpatterns  # noqa: F401

connection.ensure_connection()
signal.signal(signal.SIGUSR1, lambda signum, frame: connection.ensure_connection())
