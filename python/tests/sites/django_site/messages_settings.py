from site_settings import *  # noqa: F401,F403

INSTALLED_APPS = ["django.contrib.messages", "runfcgi"]
MIDDLEWARE = ["calls.noting"]
ROOT_URLCONF = "calls"
