"""The style sheet, shown: every part of it on one page that only this test has."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from dragoman.server.pages.files import FOLDER
from tests.browser.pictures import NARROW, SCHEMES, WIDE, picture

SPECIMEN = """\
<!doctype html><html lang="en"><head><title>Specimen</title><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="style.css"></head><body>
<header class="bar"><a class="brand" href="#"><img src="dragoman.svg" alt="">Dragoman</a>
<div class="segments push"><button aria-pressed="true">Today</button><button>7 days</button></div></header>
<main><h1>Specimen</h1><p class="lede">What pages are made of.</p>
<dl class="figures"><div><dt>Requests</dt><dd>12,408</dd><dd>31 failed</dd></div><div><dt>Tokens</dt><dd>8.1 M</dd></div></dl>
<section class="card"><header><h2>A table</h2><span class="quiet small">of some width</span></header>
<div class="scroll"><table><thead><tr><th aria-sort="descending"><button>Name</button></th><th class="number">Tokens</th></tr>
</thead><tbody><tr><td class="name">a-model-with-a-rather-long-name-that-goes-on-and-on-and-on-and-on</td>
<td class="number">1,234,567</td></tr></tbody></table></div></section>
<div class="grid"><section class="card stack"><div><label for="a">A word</label><input id="a" placeholder="Type"></div>
<div><label for="b">One of</label><select id="b"><option>This</option></select></div>
<label class="choice"><input type="checkbox" checked>Yes, please</label>
<div class="row"><button class="primary">Do it</button><button>Do not</button></div></section>
<section class="card stack"><p class="notice">It is done.</p><p class="notice bad">It went wrong.</p>
<p class="row"><span class="badge good">online</span><span class="badge bad">offline</span></p>
<pre><code>export ANTHROPIC_BASE_URL=http://127.0.0.1:8080 ANTHROPIC_AUTH_TOKEN=YOUR-KEY ANTHROPIC_MODEL=my-model claude
</code></pre></section></div></main></body></html>
"""


@pytest.fixture
def specimen(page: Page, tmp_path: Path) -> Page:
    for name in ("style.css", "dragoman.svg"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    (tmp_path / "specimen.html").write_text(SPECIMEN, encoding="utf-8")
    page.goto((tmp_path / "specimen.html").as_uri())
    return page


def test_it_fits_every_screen(specimen: Page) -> None:
    for scheme in SCHEMES:
        for width in (WIDE, NARROW):
            assert picture(specimen, f"specimen-{scheme}-{width}", scheme, width)


# Of the colour of a text on that of its ground, as WCAG 2 measures it; 4.5 is what it asks for.
CONTRAST = """([ink, ground]) => {
  const probe = document.createElement("i"); document.body.append(probe);
  const luminance = (name) => {
    probe.style.color = `var(${name})`;
    const [r, g, b] = getComputedStyle(probe).color.match(/[\\d.]+/g).map((v) => {
      const c = v / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const [a, b] = [luminance(ink), luminance(ground)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05); }"""


PAIRS = (
    ("--ink", "--ground"),
    ("--ink", "--sunken"),
    ("--quiet", "--ground"),
    ("--quiet", "--surface"),
    ("--quiet", "--sunken"),
    ("--accent", "--surface"),
    ("--accent-ink", "--accent"),
    ("--bad", "--bad-soft"),
    ("--bad", "--surface"),
    ("--good", "--good-soft"),
    ("--warn", "--warn-soft"),
)


def test_words_can_be_read(specimen: Page) -> None:
    for scheme in SCHEMES:
        specimen.emulate_media(color_scheme=scheme)
        measured = {pair: specimen.evaluate(CONTRAST, list(pair)) for pair in PAIRS}
        assert {pair: contrast for pair, contrast in measured.items() if contrast < 4.5} == {}
