"""``manage.py runfcgi KEY=VALUE…``: Django's own command of 1.0 to 1.8, for Django of today."""

import sys

from django.core.management.base import BaseCommand

from runfcgi.errors import OptionError
from runfcgi.launch.django_project import load_configured
from runfcgi.launch.main import launch
from runfcgi.launch.options import Options


class Command(BaseCommand):
    help = "Serves this project over FastCGI."
    # A broken URLconf is our own finding, with our own exit status.
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("words", nargs="*", metavar="KEY=VALUE", help='"help" lists them all')

    def handle(self, *args, **options):
        status = launch(options["words"], _load, "manage.py runfcgi")
        if status:
            sys.exit(status)


def _load(options: Options):
    for name in ("application", "project", "settings", "directory"):
        if options.is_given(name):
            raise OptionError(f"{name}= is for python -m runfcgi; manage.py serves its own project")
    return load_configured()
