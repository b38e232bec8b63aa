"""Tests of the guest book."""

from django.test import Client, TestCase

from .models import Entry
from .views import SHOWN

ADDRESS = "/guestbook/"


class GuestBook(TestCase):
    def test_an_empty_book_invites(self):
        self.assertContains(self.client.get(ADDRESS), "Be the first.")

    def test_what_a_visitor_writes_is_shown_and_thanked_for(self):
        answer = self.client.post(ADDRESS, {"name": "Ada", "message": "First <b>line</b>\nsecond"}, follow=True)
        self.assertEqual(answer.redirect_chain, [(ADDRESS, 302)])
        self.assertContains(answer, "Thank you, Ada.")
        self.assertContains(answer, "First &lt;b&gt;line&lt;/b&gt;<br>second")

    def test_the_thanks_are_said_once(self):
        self.client.post(ADDRESS, {"name": "Ada", "message": "Hello"}, follow=True)
        self.assertNotContains(self.client.get(ADDRESS), "Thank you")

    def test_an_incomplete_entry_is_not_kept(self):
        answer = self.client.post(ADDRESS, {"name": "Ada", "message": " "})
        self.assertContains(answer, "This field is required.")
        self.assertEqual(Entry.objects.count(), 0)

    def test_a_name_too_long_is_not_kept(self):
        self.client.post(ADDRESS, {"name": "A" * 81, "message": "Hello"})
        self.assertEqual(Entry.objects.count(), 0)

    def test_a_form_without_its_token_is_refused(self):
        answer = Client(enforce_csrf_checks=True).post(ADDRESS, {"name": "Ada", "message": "Hello"})
        self.assertEqual(answer.status_code, 403)
        self.assertEqual(Entry.objects.count(), 0)

    def test_a_form_with_its_token_is_taken(self):
        visitor = Client(enforce_csrf_checks=True)
        token = visitor.get(ADDRESS).context["csrf_token"]
        visitor.post(ADDRESS, {"name": "Ada", "message": "Hello", "csrfmiddlewaretoken": str(token)})
        self.assertEqual(Entry.objects.get().name, "Ada")

    def test_the_newest_entries_come_first_and_the_oldest_drop_out(self):
        for number in range(SHOWN + 1):
            Entry.objects.create(name=f"Visitor {number}.", message="Hello")
        answer = self.client.get(ADDRESS)
        shown = [entry.name for entry in answer.context["entries"]]
        self.assertEqual((shown[0], shown[-1], len(shown)), (f"Visitor {SHOWN}.", "Visitor 1.", SHOWN))
