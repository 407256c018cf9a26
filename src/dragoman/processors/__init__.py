"""Floor 2: what changes a request before it leaves, for a backend that cannot read all of it."""

from typing import Final

from dragoman.processors.documents import Documents
from dragoman.processors.images import Images
from dragoman.processors.processor import Processor

# In this order: a document may leave images behind.
PROCESSORS: Final[tuple[Processor, ...]] = (Documents(), Images())
