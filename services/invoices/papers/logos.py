"""A seller's logo as it is uploaded: told by its bytes, and drawn once before it is taken."""

import hashlib
import struct
from dataclasses import dataclass
from io import BytesIO

import filetype
import imagesize

from services.invoices.papers import document
from shared.errors import Invalid, TooLarge, UnsupportedMedia

KINDS = ("image/png", "image/jpeg")
"""No SVG: it may hold scripts, and links to other files."""

MAX_BYTES = 512 * 1024
MAX_PIXELS = 4_000_000
"""Printed 60 mm wide, such an image has more dots than a printer."""


@dataclass(frozen=True)
class Image:
    """An image that can be drawn."""

    kind: str
    data: bytes

    @property
    def digest(self) -> str:
        """What tells it from every other."""
        return hashlib.sha256(self.data).hexdigest()


def read(data: bytes) -> Image:
    """An uploaded image.

    Raises:
        TooLarge: over `MAX_BYTES`.
        UnsupportedMedia: neither PNG nor JPEG.
        Invalid: it is empty, has too many pixels, or cannot be drawn.
    """
    if not data:
        raise _invalid("An image is required.")
    if len(data) > MAX_BYTES:
        raise TooLarge(f"A logo has at most {MAX_BYTES // 1024} KiB")
    kind = filetype.guess_mime(data)
    if kind not in KINDS:
        raise UnsupportedMedia("A logo must be a PNG or a JPEG image")
    _check_pixels(data)  # before anything makes room for them
    if not document.can_draw(kind, data):
        raise _invalid("The image is broken.")
    return Image(kind, data)


def _check_pixels(data: bytes) -> None:
    try:
        width, height = imagesize.get(BytesIO(data))
    except (ValueError, struct.error):
        width = height = -1
    if width < 1 or height < 1:
        raise _invalid("The image is broken.")
    if width * height > MAX_PIXELS:
        raise _invalid(f"At most {MAX_PIXELS} pixels.")


def _invalid(said: str) -> Invalid:
    return Invalid(errors={"logo": [said]})
