"""Pages as Markdown: what is content stays with its structure, what stands around it goes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.tools.pages.markdown import as_markdown

URL = "https://example.com/docs/page"


def text(html: str) -> str:
    return as_markdown(html, URL).text


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<h1>A</h1><h3>B</h3><p>c", "# A\n\n### B\n\nc"),
        ("<p>a\n  b<br>c<p>d", "a b\nc\n\nd"),
        ("<ul><li>a<li>b<ul><li>c</ul><li><p>d</p></ul>e", "- a\n- b\n  - c\n- d\n\ne"),
        ("<ol start=7><li>a</li><li>b</li></ol>", "7. a\n8. b"),
        ("<ul><li>a<br>b</ul>", "- a\n  b"),
        ("<pre>  x\n\ty &lt;</pre>", "```\n  x\n\ty <\n```"),
        ("<pre><code class='hljs language-c++'>x</code></pre>", "```c++\nx\n```"),
        ("<pre>```\n</pre>", "````\n```\n````"),
        ("<p><code>f(x)</code> and <code></code>", "`f(x)` and"),
        ("<a href='../x?a=1'>l i\nnk</a>", "[l i nk](https://example.com/x?a=1)"),
        ("<a href='https://a.example/(b)'>x</a>", "[x](https://a.example/(b%29)"),
        ("<a href='javascript:alert(1)'>x</a> <a href=mailto:a@b>y</a> <a name=z>z</a>", "x y z"),
        ("<h2>T<a href=#t>\u00b6</a></h2><a href=#x>see x</a>", "## T\n\nsee x"),
        ("<a href=https://a.example/>https://a.example/</a>", "https://a.example/"),
        ("<base href='https://b.example/d/'><a href=x>y</a>", "[y](https://b.example/d/x)"),
        ("<img alt='a  llama' src=x><img src=y>", "![a llama]"),
        ("<blockquote>a<p>b</blockquote>c", "> a\n\n> b\n\nc"),
        ("a<hr>b", "a\n\n---\n\nb"),
        ("<dl><dt>a<dd>b</dl>", "a\n\n- b"),
        ("<table><tr><th>a<th>b<tr><td>1|2<td><p>x<p>y</table>", "| a | b |\n| --- | --- |\n| 1\\|2 | x y |"),
        ("<table><tr><td>a</td></tr><tr><td><p>b</p></td></tr></table>", "a\n\nb"),
        ("<table><tr><td>a<td>b</table>", "a\n\nb"),
        (
            "<table><tr><td>a<td><table><tr><td>b<td>c</table><tr><td>d<td>e</table>",
            "| a | b; c |\n| --- | --- |\n| d | e |",
        ),
        ("<td>a<tr>b</ul></a></table></p>", "a\n\nb"),
        ("a <script>b</script><style>c</style><noscript>d</noscript><svg><title>e</title></svg> f", "a f"),
        ("a<p hidden>b</p><p style='Display: none'>c</p><i aria-hidden=true>d</i>", "a"),
        ("<nav>a</nav><header>b</header><div role=banner>c</div><p>d<footer>e</footer>", "d"),
        ("<nav>only <b>this</b></nav>", "only this"),
        ("", ""),
    ],
)
def test_html(html: str, markdown: str) -> None:
    assert text(html) == markdown


def test_the_title() -> None:
    page = as_markdown("<head><title> A\n &amp; B </title></head><svg><title>no</title></svg><p>x", URL)
    assert page == ("A & B", "x")


def test_content_is_told_from_what_stands_around_it() -> None:
    content = "<p>word " * 60
    html = f"<p>before</p><main><header><h1>T</h1></header>{content}</main><p>after</p>"
    assert text(html).startswith("# T\n\nword")
    assert "before" not in text(html)
    assert "after" not in text(html)
    assert "before" in text(html.replace(content, "short"))


def test_several_articles_are_all_content() -> None:
    article = "<article>" + "<p>one two three " * 20 + "</article>"
    assert text(f"<p>before{article}{article}").count("one") == 40
    assert "before" not in text(f"<p>before{article}{article}")


pieces = st.sampled_from(
    [
        *(
            "<p>",
            "<div>",
            "</div>",
            "<ul>",
            "</ul>",
            "<li>",
            "<table>",
            "</table>",
            "<tr>",
            "<td>",
            "</td>",
            "<pre>",
            "</pre>",
        ),
        *(
            "<a href=x>",
            "</a>",
            "<code>",
            "</code>",
            "<nav>",
            "</nav>",
            "<main>",
            "</main>",
            "<blockquote>",
            "</blockquote>",
        ),
        *(
            "word ",
            "&lt;",
            "<br>",
            "<hr>",
            "<h2>",
            "</h2>",
            "<title>",
            "</title>",
            "<ol>",
            "</ol>",
            "<script>",
            "</script>",
        ),
    ]
)


@given(st.lists(pieces, max_size=60).map("".join))
def test_any_page_becomes_text(html: str) -> None:
    page = as_markdown(html, URL)
    assert "\n\n\n" not in page.text or "```" in page.text
    assert page.text == page.text.strip()


@pytest.mark.parametrize(
    "evil",
    [
        "<table><tr>" + "<td>a" * 20_000 + "<tr><td>b" * 10_000,
        f"<base href=http://x.example/{'a' * 100_000}/>" + "<a href=x>t</a>" * 5_000,
        f"<pre>{'`' * 200_000}</pre>",
    ],
    ids=["table", "base", "ticks"],
)
def test_a_page_becomes_a_few_times_longer_at_most(evil: str) -> None:
    began = time.process_time()
    assert len(text(evil)) < 10 * len(evil)
    assert time.process_time() - began < 5


def test_a_fence_is_longer_than_any_in_the_code() -> None:
    assert text("<pre>a ```` b ``` c</pre>") == "`````\na ```` b ``` c\n`````"


@pytest.mark.parametrize(
    "evil",
    [
        *("<div>", "</div>", "<table><tr><td>x", "<ul><li>x", "<a href=x><p>y", "<blockquote>x", "<pre>", "<td>x<p>y"),
        *("<main>x", "<div hidden>", "<ol><li>x<pre>y", "<p>a", "<title>"),
    ],
)
def test_twice_the_page_takes_about_twice_the_time(evil: str) -> None:
    def seconds(size: int) -> float:
        html = evil * (size // len(evil))
        began = time.process_time()
        text(html)
        return time.process_time() - began

    assert min(seconds(64_000) for _ in range(2)) < 16 * (seconds(8_000) + 0.01)
