"""Notes what is called of the application's own."""

from django.http import HttpResponse
from django.urls import path

seen = []


def noting(get_response):
    def middleware(request):
        seen.append("middleware")
        return get_response(request)

    return middleware


def view(request):
    seen.append("view")
    return HttpResponse("seen")


urlpatterns = [path("", view)]
