"""Pictures of pages, to be looked at: kept where DRAGOMAN_PICTURES says, if it says anything."""

import os
from pathlib import Path
from typing import Final, Literal, TypeAlias

from playwright.sync_api import Page

PLACE: Final = os.environ.get("DRAGOMAN_PICTURES", "")
WIDE: Final = 1280
NARROW: Final = 390  # a telephone

Scheme: TypeAlias = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")


def picture(page: Page, name: str, scheme: Scheme = "light", width: int = WIDE) -> bool:
    """Take a picture of the whole page. Return whether all of it fits the width."""
    before = page.viewport_size
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    fits: bool = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    if PLACE:
        page.screenshot(path=Path(PLACE, f"{name}.png"), full_page=True, animations="disabled")
    if before is not None:
        page.set_viewport_size(before)
    return fits
