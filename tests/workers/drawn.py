"""Pages whose text is known, as pictures: print, scans, screenshots of code. And how far a reading is from the truth."""

import io
import random
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

from PIL import Image, ImageDraw, ImageFilter, ImageFont

Picture: TypeAlias = Image.Image
_FONTS: Final = Path("/usr/share/fonts")
SERIF: Final = _FONTS / "truetype/dejavu/DejaVuSerif.ttf"
SANS: Final = _FONTS / "truetype/dejavu/DejaVuSans.ttf"
MONO: Final = _FONTS / "truetype/dejavu/DejaVuSansMono.ttf"
CJK: Final = _FONTS / "opentype/noto/NotoSansCJK-Regular.ttc"
_A4: Final = (8.27, 11.69)  # inches
_MARGIN: Final = 0.9
_POINTS: Final = 72

ENGLISH: Final = """\
The harbour office kept its ledgers in a room without windows, and the clerk who wrote in them was said to know the
tonnage of every ship that had tied up there since 1871. On the morning of 14 March he counted 37 vessels, among them
the barque Eleanor (412 tons, Captain J. P. Whitcombe) and two lighters from Great Yarmouth. "Nothing leaves", he told
the pilot, "before the duty is paid: £118 6s. 4d., and not a penny less."

By noon the wind had gone round to the north-west; the barometer stood at 29.4 inches and was falling. Three men went
out to the bell buoy, which had broken from its chain, and came back with the lamp, the clapper and a very large crab.
The harbour master, a cautious man, ordered the boom to be closed at 4:30 p.m. and a second watch to be set. He noted in
the margin that the tide tables disagreed with the almanac by eleven minutes, as they had in each of the last six years.

Nobody slept much. At a quarter past two the Eleanor dragged her anchor, fouled the mooring of a collier, and swung
against the quay hard enough to crack four of the granite blocks. The damage was put at 60 guineas. In his report the
clerk wrote that the ship's papers were in order, that her crew were sober, and that the weather, to which no summons
could be served, was alone to blame. The insurers answered by return of post; their letter is kept with the ledger for
that year, folded twice, and smells faintly of salt."""

CHINESE: Final = """\
港务局的账簿放在一间没有窗户的屋子里，据说负责记账的老先生记得自一八七一年以来每一艘靠岸船只的吨位。三月十四日清晨，他数到三十七艘船，其中包括一艘四百一十二吨的三桅帆船和两艘驳船。他对领航员说：“税款没有付清之前，谁也不能离港。”
到了中午，风向转为西北，气压计的读数不断下降。三个人划船去修理断了链子的浮标，带回来一盏灯、一个铜铃和一只很大的螃蟹。港务长为人谨慎，下令下午四点半关闭港口，并且增加一班值夜的人手。他在页边写道：潮汐表与历书相差十一分钟，过去六年都是如此。
那天夜里没有人睡得安稳。两点一刻，帆船的锚开始移动，先缠住了一艘运煤船的缆绳，随后撞上码头，撞裂了四块花岗岩。修理费用估计为六十个金币。老先生在报告中写道，船上的证件齐全，船员没有喝酒，唯一应当负责的是天气，而天气是无法传唤到庭的。保险公司很快就回了信，这封信至今仍夹在当年的账簿里，折成四折，带着淡淡的海水味道。"""

CODE: Final = '''\
import asyncio
from collections.abc import Iterable


class Harbour:
    """Ships, by the quay they lie at. quays: how many there are."""

    def __init__(self, quays: int = 12) -> None:
        self._ships: dict[str, Ship] = {}
        self._free = list(range(1, quays + 1))

    async def admit(self, ship: Ship, *, pilot: bool = False) -> int:
        if ship.tonnage > 9_500 or not self._free:
            raise HarbourFull(f"{ship.name}: no quay for {ship.tonnage} t")
        async with self._boom:
            quay = self._free.pop(0)
            for line in ("bow", "stern", "spring"):
                await ship.make_fast(line, timeout=2.5)
                if not line.startswith("s") and pilot:
                    continue
        self._ships[ship.name] = ship
        return quay

    def tonnage(self) -> int:
        return sum(ship.tonnage for ship in self._ships.values())


def report(ships: Iterable[Ship], path: str = "/var/log/harbour.json") -> None:
    rows = [{"name": s.name, "tons": s.tonnage, "ok": s.papers != []} for s in ships]
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"version": 3, "rows": rows}, out, indent=2)'''


def font(path: Path, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, round(size))


def page(text: str, dpi: int, path: Path = SERIF, points: float = 10.5) -> tuple[Image.Image, str]:
    """A4, its text broken to fit. Return it with its text as it stands there, line by line."""
    size = font(path, points * dpi / _POINTS)
    width, height = (round(inches * dpi) for inches in _A4)
    room = width - 2 * _MARGIN * dpi
    lines = [line for paragraph in text.split("\n\n") for line in [*_broken(paragraph, size, room), ""]][:-1]
    picture = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        place = (_MARGIN * dpi, _MARGIN * dpi + number * points * 1.5 * dpi / _POINTS)
        draw.text(place, line, font=size, fill=0)
    return picture, "\n".join(lines)


def _broken(paragraph: str, size: ImageFont.FreeTypeFont, room: float) -> list[str]:
    """Lines no wider than this; between words where there are any."""
    words = paragraph.split() if " " in paragraph else list(paragraph.replace("\n", ""))
    gap = " " if " " in paragraph else ""
    lines = [words[0]]
    for word in words[1:]:
        longer = f"{lines[-1]}{gap}{word}"
        if size.getlength(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def screenshot(code: str = CODE, points: int = 14, *, dark: bool = True) -> Image.Image:
    """An editor's window, its keywords in colours. points: height of the type in pixels."""
    size = font(MONO, points)
    lines = code.split("\n")
    width = round(max(size.getlength(line) for line in lines)) + 80
    ground, plain, word = ("#1e1e1e", "#d4d4d4", "#569cd6") if dark else ("#ffffff", "#24292e", "#d73a49")
    picture = Image.new("RGB", (width, round(len(lines) * points * 1.5) + 60), ground)
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        is_head = line.lstrip().startswith(("def", "class", "async", "import", "from", "return", "if", "for", "with"))
        draw.text((40, 30 + number * points * 1.5), line, font=size, fill=word if is_head else plain)
    return picture


def scanned(picture: Image.Image, degrees: float = 0.7, seed: int = 7) -> Image.Image:
    """As from a scanner: a little askew, out of focus, with dust, and a JPEG."""
    chance = random.Random(seed)
    turned = picture.convert("L").rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255)
    noise = Image.effect_noise(turned.size, 24)
    mixed = Image.blend(turned, noise, 0.12).filter(ImageFilter.GaussianBlur(0.6))
    draw = ImageDraw.Draw(mixed)
    for _ in range(120):
        x, y = chance.randrange(mixed.width), chance.randrange(mixed.height)
        draw.point((x, y), fill=chance.randrange(160))
    return Image.open(io.BytesIO(written(mixed, "JPEG")))


def written(picture: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def pdf(pictures: Sequence[Image.Image], dpi: int = 150) -> bytes:
    """Each as a page of its own."""
    out = io.BytesIO()
    pictures[0].save(out, "PDF", save_all=True, append_images=pictures[1:], resolution=dpi)
    return out.getvalue()


def error(found: str, true: str) -> float:
    """Characters to be changed, for each that is true. Runs of white space count as one; lines may be broken elsewhere."""
    a, b = (" ".join(text.split()) for text in (found, true))
    before = list(range(len(b) + 1))
    for row, left in enumerate(a, 1):
        now = [row]
        for column, right in enumerate(b, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (left != right)))
        before = now
    return before[-1] / max(1, len(b))


def wrapped(text: str, width: int) -> str:
    return "\n".join(line for part in text.split("\n\n") for line in [*textwrap.wrap(part, width), ""]).strip()
