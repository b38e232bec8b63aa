"""What a route answers, and how it becomes WSGI."""

import json
from html import escape
from string import Template

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>$title</title>
  <link rel="icon" href="/static/icon.svg">
  <link rel="stylesheet" href="/static/site.css">
</head>
<body>
  <header>
    <a class="name" href="/"><img src="/static/icon.svg" alt="" width="28" height="28">My site</a>
    <nav><a href="/worker/">Worker</a> <a href="/stream/?mb=100" download>Download</a> <a href="/slow/?seconds=5">Slow</a></nav>
  </header>
  <main>
<h1>$title</h1>
$content
  </main>
  <footer>The plain WSGI site of the runfcgid demo.</footer>
</body>
</html>
""")


class Answer:
    """A status ("200 OK"), headers, and an iterable of bytes with its length."""

    def __init__(self, status, content_type, body, length, headers=()):
        self.status = status
        self.headers = [("Content-Type", content_type), ("Content-Length", str(length)), *headers]
        self.body = body


def page(title, content, status="200 OK"):
    """Answer an HTML page; `title` is escaped here, `content` is HTML already."""
    return _whole(status, HTML, _PAGE.substitute(title=escape(title), content=content))


def data(facts):
    """Answer `facts` as JSON that nobody caches."""
    return _whole("200 OK", "application/json", json.dumps(facts), [("Cache-Control", "no-store")])


def refusal(status, reason, headers=()):
    """Answer in plain text why the request is refused."""
    return _whole(status, TEXT, f"{reason}\n", headers)


def _whole(status, content_type, text, headers=()):
    body = text.encode()
    return Answer(status, content_type, [body], len(body), headers)
