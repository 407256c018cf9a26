"""PDFs written by hand, plain and hostile ones."""

import io
import zlib
from collections.abc import Sequence
from typing import Final

import pypdfium2

_FONT: Final = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"


def written(objects: Sequence[bytes]) -> bytes:
    """The file of these objects, the first of which is the catalog."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, thing in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, thing)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    tail = b"xref\n0 %d\n0000000000 65535 f \n%btrailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
    return bytes(out) + tail % (len(objects) + 1, table, len(objects) + 1, len(out))


def stream(content: bytes, extra: bytes = b"") -> bytes:
    return b"<</Length %d%b>>stream\n%b\nendstream" % (len(content), extra, content)


def document(contents: Sequence[bytes], box: bytes = b"0 0 612 792", *, forms: Sequence[bytes] = ()) -> bytes:
    """A page for each content, in points and Helvetica as /F1. forms: objects that contents call /X0, /X1, ..."""
    count = len(contents)
    first_form = 4 + 2 * count
    named = b"".join(b"/X%d %d 0 R" % (n, first_form + n) for n in range(len(forms)))
    resources = b"<</Font<</F1 3 0 R>>/XObject<<%b>>>>" % named
    kids = b" ".join(b"%d 0 R" % (4 + 2 * n) for n in range(count))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, count), _FONT]
    for n, content in enumerate(contents):
        page = b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Contents %d 0 R/Resources%b>>" % (box, 5 + 2 * n, resources)
        objects += [page, content if content.startswith(b"<<") else stream(content)]
    return written([*objects, *forms])


def said(*lines: str, top: int = 720) -> bytes:
    """The content of a page with these lines."""
    shown = b"".join(b"(%b) Tj T* " % line.encode("cp1252") for line in lines)
    return b"BT /F1 12 Tf 14 TL 72 %d Td %bET" % (top, shown)


def bomb(size: int) -> bytes:
    """The content of a page that is `size` when inflated, and a thousandth of that before."""
    packing = zlib.compressobj(9)
    block = b"BT /F1 12 Tf 10 10 Td (hello) Tj ET\n" * 30_000
    packed = b"".join(packing.compress(block) for _ in range(size // len(block))) + packing.flush()
    return stream(packed, b"/Filter/FlateDecode")


def nested(depth: int) -> list[bytes]:
    """Forms of which each shows the next one twice: 2^depth in the end. For `document`, whose only content says /X0 Do."""
    inner = [
        stream(b"/X Do /X Do", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>" % (7 + n))
        for n in range(depth)
    ]
    return [*inner, stream(said("x"), b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</Font<</F1 3 0 R>>>>")]


def joined(*files: bytes, rotations: Sequence[int] = ()) -> bytes:
    """The pages of all of them in one. rotations: of its first pages."""
    whole = pypdfium2.PdfDocument.new()
    for file in files:
        whole.import_pages(pypdfium2.PdfDocument(file))
    for number, degrees in enumerate(rotations):
        whole[number].set_rotation(degrees)
    out = io.BytesIO()
    whole.save(out)
    return out.getvalue()
