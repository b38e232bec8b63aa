"""The addresses of the demo site."""

from django.urls import path

from guestbook import views as guestbook
from pages import views as pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("guestbook/", guestbook.guestbook, name="guestbook"),
    path("worker/", pages.worker, name="worker"),
    path("worker.json", pages.worker_json, name="worker-json"),
    path("stream/", pages.stream, name="stream"),
    path("upload/", pages.upload, name="upload"),
    path("slow/", pages.slow, name="slow"),
    path("error/", pages.error, name="error"),
]
