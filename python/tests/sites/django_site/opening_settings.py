import os

from site_settings import *  # noqa: F403

ROOT_URLCONF = "opening_urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}}
