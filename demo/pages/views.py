"""The pages that show a worker at work."""

import time

import django
from django.conf import settings
from django.http import HttpResponseBadRequest, JsonResponse, StreamingHttpResponse, UnreadablePostError
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from workload import bounds
from workload.bodies import MEBIBYTE, chunks, digest_body
from workload.worker import worker_facts

from .uploads import DigestUploadHandler


@require_safe
def home(request):
    return render(request, "home.html")


@require_safe
@never_cache
def worker(request):
    return render(request, "worker.html", {"worker": _facts(request)})


@require_safe
@never_cache
def worker_json(request):
    return JsonResponse(_facts(request))


def _facts(request):
    return {
        **worker_facts(request.environ),
        "settings": settings.SETTINGS_MODULE,
        "django": django.get_version(),
    }


@require_safe
def stream(request):
    """Send `?mb=N` MiB (10 when not given) without ever holding more than a chunk."""
    try:
        size = bounds.mebibytes(request.GET.get("mb", "10"))
    except bounds.OutOfBounds as problem:
        return _refuse(problem)
    response = StreamingHttpResponse(chunks(size), content_type="application/octet-stream")
    response["Content-Length"] = str(size * MEBIBYTE)
    response["Content-Disposition"] = f'attachment; filename="{size}-mb.bin"'
    return response


@require_safe
@never_cache
def slow(request):
    """Answer after `?seconds=N` (2 when not given); the worker is busy meanwhile."""
    try:
        wait = bounds.seconds(request.GET.get("seconds", "2"))
    except bounds.OutOfBounds as problem:
        return _refuse(problem)
    time.sleep(wait)
    return render(request, "slow.html", {"seconds": f"{wait:g}"})


# Programs send files here without a token; nothing is stored or changed.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request):
    """Answer the size and SHA-256 of a raw body or of the one file in a multipart form."""
    if request.method != "POST":
        return render(request, "upload.html")
    try:
        if request.content_type == "multipart/form-data":
            return _digest_form(request)
        return _digest_raw(request)
    except UnreadablePostError:  # the visitor went away: no reason to mail the webmaster
        return _refuse("The body could not be read to its end.")


def _digest_raw(request):
    try:
        length = bounds.content_length(request.META.get("CONTENT_LENGTH"))
    except bounds.OutOfBounds as problem:
        return _refuse(problem)
    digest = digest_body(request, length)
    if digest.size < length:
        return _refuse(f"The body ended after {digest.size} of {length} bytes.")
    return JsonResponse({"name": None, "size": digest.size, "sha256": digest.sha256})


def _digest_form(request):
    handler = DigestUploadHandler(request)
    request.upload_handlers = [handler]
    request.POST  # reads the form through the handler
    if len(handler.digests) != 1:
        return _refuse(f"Send one file, not {len(handler.digests)}.")
    name, digest = handler.digests[0]
    received = {"name": name, "size": digest.size, "sha256": digest.sha256}
    if "text/html" in request.headers.get("Accept", ""):
        return render(request, "upload.html", {"received": received})
    return JsonResponse(received)


def error(request):
    """Raise, to show the 500 page, the traceback in the log and the mail."""
    raise RuntimeError("This page fails on purpose.")


def _refuse(reason):
    return HttpResponseBadRequest(f"{reason}\n", content_type="text/plain; charset=utf-8")
