"""Takes an uploaded file piece by piece, keeping its size and SHA-256 and nothing else."""

from django.core.files.uploadhandler import FileUploadHandler

from workload.bodies import Digest


class DigestUploadHandler(FileUploadHandler):
    """Digests the files of a multipart form; `digests` holds (name, Digest) in their order."""

    def __init__(self, request=None):
        super().__init__(request)
        self.digests = []

    def new_file(self, *args, **kwargs):
        super().new_file(*args, **kwargs)
        self.digests.append((self.file_name, Digest()))

    def receive_data_chunk(self, raw_data, start):
        _, digest = self.digests[-1]
        digest.add(raw_data)
        return None  # no other handler gets it: nothing is stored

    def file_complete(self, file_size):
        return None
