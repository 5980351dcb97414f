"""Pages of a mapped file whose disk may be broken."""

import errno
import os
from mmap import mmap


class FailingPages(mmap):
    """Take the place of `write_ahead.mmap`; while `broken` the disk takes none of them."""

    broken = False

    def flush(self, *_):
        if FailingPages.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
