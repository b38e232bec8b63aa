/**
 * Asks an interpreter what the engine will need, and loads the application as the engine does, with its own code: one
 * line for each answer, name, "ok" or "error", and a text, parted by tabs. Understood by every Python since 2.6, so that
 * an old one can say that it is old. Arguments: `django` or `wsgi`, the directory to import from, then the settings or the
 * application.
 *
 * `target` is wrong when the name leads nowhere, `site` when its own code raises something; `place` is where.
 */
export const pythonQuestions = `
import os, sys
kind, directory, name = sys.argv[1:4]
del sys.argv[1:]
sys.dont_write_bytecode = True
answers = os.fdopen(os.dup(1), "w")
def tell(name, verdict, text):
    answers.write("%s\\t%s\\t%s\\n" % (name, verdict, str(text).replace("\\n", " ").replace("\\t", " ")))
    answers.flush()
# Whoever reads the answers waits until all have closed them.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=answers.close)
def ask(name, question):
    try:
        tell(name, "ok", question())
        return True
    except BaseException:
        error = sys.exc_info()[1]
        tell(name, "error", "%s: %s" % (type(error).__name__, error))
        return False
def version():
    return "%d.%d" % sys.version_info[:2]
def engine():
    import runfcgi
    return runfcgi.__file__
def django():
    import django
    return django.get_version()
def load():
    from runfcgi.errors import LoadError
    from runfcgi.launch.application import load_application
    from runfcgi.launch.django_project import load_project
    try:
        (load_project if kind == "django" else load_application)(*target())
        tell("target", "ok", name)
    except LoadError as error:
        tell("site" if error.traceback else "target", "error", error)
        lines = [line.strip() for line in error.traceback.splitlines()]
        places = [line for line in lines if line.startswith('File "')]
        own = [place for place in places if place.startswith('File "%s/' % directory)]
        for place in (own or places)[-1:]:
            tell("place", "ok", place)
def target():
    return (directory, name) if kind == "django" else (name, directory)
ask("version", version)
# What the site prints is no answer, and what it starts must not keep us.
nowhere = os.open(os.devnull, os.O_WRONLY)
os.dup2(nowhere, 1)
if ask("engine", engine) and (kind == "wsgi" or ask("django", django)):
    os.dup2(nowhere, 2)
    load()
os._exit(0)
`;
