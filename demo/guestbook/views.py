"""The guest book: read what others wrote, write something."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from .forms import EntryForm
from .models import Entry

SHOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
def guestbook(request):
    form = EntryForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        entry = form.save()
        messages.success(request, f"Thank you, {entry.name}.")
        return redirect("guestbook")  # so that reloading the page does not write again
    return render(request, "guestbook.html", {"form": form, "entries": Entry.objects.all()[:SHOWN]})
