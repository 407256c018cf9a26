"""PDFs as tests want them: pages of text, and pages that are pictures of text."""

import io
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFont

_A4: Final = (1240, 1754)  # pixels at 150 dpi
_FONT: Final = "DejaVuSans.ttf"


def made_pdf(*texts: str) -> bytes:
    """A document of these pages; their text is ASCII."""
    return _document([_text_page(text) for text in texts])


def scanned_pdf(*texts: str) -> bytes:
    """The same pages, photographed."""
    pictures = [picture(text) for text in texts]
    made = io.BytesIO()
    pictures[0].save(made, "PDF", resolution=150, save_all=True, append_images=pictures[1:])
    return made.getvalue()


def picture(text: str, size: tuple[int, int] = _A4, points: int = 32) -> Image.Image:
    made = Image.new("RGB", size, "white")
    font = ImageFont.truetype(_FONT, points)
    ImageDraw.Draw(made).multiline_text((80, 80), text, fill="black", font=font, spacing=14)
    return made


def _text_page(text: str) -> bytes:
    lines = [line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in text.split("\n")]
    return b"BT /F1 12 Tf 72 720 Td 14 TL " + b" ".join(f"({line}) Tj T*".encode() for line in lines) + b" ET"


def _document(contents: Sequence[bytes]) -> bytes:
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, content in enumerate(contents):
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R"
        objects.append(f"{page} /Resources << /Font << /F1 3 0 R >> >> >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content))
    made, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(made))
    return made + b"xref\n0 %d\n0000000000 65535 f \n%b%b" % (len(objects) + 1, table, end)
