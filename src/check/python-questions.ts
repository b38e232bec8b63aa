/**
 * Asks an interpreter what the engine will need, without running the site: one line for each answer, name,
 * "ok" or "error", and a text, parted by tabs. Understood by every Python since 2.6, so that an old one can say
 * that it is old. Arguments: the directory to import from, then the module to look for, then `django` or `wsgi`.
 */
export const pythonQuestions = `
import sys
directory, module, kind = sys.argv[1:4]
sys.path[0] = directory
def ask(name, question):
    try:
        text = question()
        verdict = "ok"
    except BaseException:
        error = sys.exc_info()[1]
        text = "%s: %s" % (type(error).__name__, error)
        verdict = "error"
    sys.stdout.write("%s\\t%s\\t%s\\n" % (name, verdict, str(text).replace("\\n", " ").replace("\\t", " ")))
    sys.stdout.flush()
def version():
    return "%d.%d" % sys.version_info[:2]
def engine():
    import runfcgi
    return runfcgi.__file__
def django():
    import django
    return django.get_version()
def target():
    from importlib.util import find_spec
    if find_spec(module) is None:
        raise ImportError("No module named %r" % module)
    return module
ask("version", version)
ask("engine", engine)
if kind == "django":
    ask("django", django)
ask("module", target)
`;
