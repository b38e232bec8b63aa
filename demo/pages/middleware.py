"""Counts the requests of this worker."""

from workload.worker import count_request


def count_requests(get_response):
    """Return middleware that counts each request before anything else sees it."""

    def counted(request):
        count_request()
        return get_response(request)

    return counted
