"""What keeps it from serving, said in words and in the exit status."""

import os
import sys

from .client import ask
from .engine import EngineTest

SITE = "application=plain_site"


WSGI_MODULE = """\
from functools import partial
from wsgiref.simple_server import make_server

debug = True

class _Private: pass

def make_application(environ, start_response): pass

application = partial(make_application)
"""


class ExitStatusTest(EngineTest):
    def assert_exit(self, status, *words, says):
        engine = self.run_to_exit(*words, "daemonize=false")
        self.assertEqual(engine.process.returncode, status, engine.log)
        for text in says:
            self.assertIn(text, engine.log)

    def test_wrong_words_are_78(self):
        address = f"socket={self.socket_path}"
        self.assert_exit(78, SITE, address, "bogus=1", says=['unknown word "bogus"'])
        self.assert_exit(78, address, says=["nothing to serve"])

    def test_an_application_that_does_not_load_is_1(self):
        with open(os.path.join(self.directory, "broken.py"), "w") as file:
            file.write("import os\n\ndef boom():\n    raise ValueError('at import')\n\nboom()\n")
        with open(os.path.join(self.directory, "imports_missing.py"), "w") as file:
            file.write("import does_not_exist_either\n")
        with open(os.path.join(self.directory, "exits.py"), "w") as file:
            file.write("raise SystemExit('configure me')\n")
        with open(os.path.join(self.directory, "slip.py"), "w") as file:
            file.write("import os\ndef view(request:\n")
        with open(os.path.join(self.directory, "imports_slip.py"), "w") as file:
            file.write("import slip\n")
        with open(os.path.join(self.directory, "site_wsgi.py"), "w") as file:
            file.write(WSGI_MODULE)
        with open(os.path.join(self.directory, "many.py"), "w") as file:
            file.write("".join(f"def view_{n}(): pass\n" for n in range(7)))
        with open(os.path.join(self.directory, "handed_on.py"), "w") as file:
            file.write("from site_wsgi import make_application\n")
        with open(os.path.join(self.directory, "bare.py"), "w") as file:
            file.write("debug = True\n")
        rows = {
            "nowhere": ['no module "nowhere" in', sys.executable],
            "os:nothing": ['module "os" has no "nothing"'],
            "os:sep": ['"os:sep" is not callable: it is a str'],
            "site_wsgi:app": [
                'module "site_wsgi" has no "app"; what can be called in it: "application",'
                ' "make_application"\n'
            ],
            "site_wsgi:debug": [
                'it is a bool; what can be called in it: "application", "make_application"\n'
            ],
            "site_wsgi:application.wsgi": ['has no "application.wsgi"; what can be called in it'],
            "handed_on": ['what can be called in it: "make_application"\n'],
            "many:view": ["view_", '" and 2 more\n'],
            "bare": ['module "bare" has no "application"; nothing in it can be called\n'],
            "broken": ['importing "broken" raised ValueError: at import', "in boom", "Traceback"],
            "imports_missing": ["No module named 'does_not_exist_either'", "Traceback"],
            "imports_slip": ["raised SyntaxError: ", "slip.py, line 2)"],
            "exits": ["SystemExit: configure me"],
            ".relative": ['".relative" is not the name of a module'],
        }
        for target, says in rows.items():
            with self.subTest(target):
                words = (f"application={target}", f"socket={self.socket_path}")
                self.assert_exit(1, *words, says=says)
                self.assertFalse(os.path.exists(self.socket_path))

    def test_the_traceback_begins_with_the_applications_own_code(self):
        with open(os.path.join(self.directory, "broken.py"), "w") as file:
            file.write("1 / 0\n")
        engine = self.run_to_exit("application=broken")
        self.assertNotIn("importlib", engine.log)
        self.assertNotIn("launch/application.py", engine.log)

    def test_help_is_0_and_prints_every_word(self):
        for word in ("help", "--help"):
            engine = self.run_to_exit(word)
            self.assertEqual(engine.process.returncode, 0)
            self.assertIn("maxrequests=", engine.log)

    def test_an_application_in_another_directory(self):
        site = os.path.join(self.directory, "elsewhere")
        os.mkdir(site)
        with open(os.path.join(site, "hidden.py"), "w") as file:
            file.write("from plain_site import application as app\n")
        self.serve("module=hidden:app", "directory=elsewhere")
        self.assertEqual(ask(self.socket_path).body, b"hello\n")
