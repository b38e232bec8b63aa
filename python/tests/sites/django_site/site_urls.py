import os
import time

from django.db import connection
from django.http import FileResponse, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.urls import path


def hello(request):
    return HttpResponse(b"hello from django\n", content_type="text/plain")


def where(request):
    return HttpResponse(f"{request.path} {request.build_absolute_uri()}")


def upload(request):
    size = sum(map(len, request.FILES["file"].chunks())) if request.FILES else len(request.body)
    return HttpResponse(str(size))


def stream(request):
    return StreamingHttpResponse(f"{number}\n" for number in range(3))


def download(request):
    return FileResponse(open(request.META["QUERY_STRING"], "rb"))


def database(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 6 * 7")
        return HttpResponse(str(cursor.fetchone()[0]))


def unchanged(request):
    return HttpResponseNotModified()


def slow(request):
    end = time.monotonic() + 20
    while not os.path.exists(request.META["QUERY_STRING"]) and time.monotonic() < end:
        time.sleep(0.01)
    return HttpResponse("at last")


def broken(request):
    raise RuntimeError("a view of Django")


urlpatterns = [
    path("", hello),
    path("where/<path:rest>", lambda request, rest: where(request)),
    path("upload", upload),
    path("stream", stream),
    path("download", download),
    path("database", database),
    path("unchanged", unchanged),
    path("slow", slow),
    path("broken", broken),
]
