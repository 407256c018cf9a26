"""Search engines on the web, one file each."""

from typing import Final

from dragoman.tools.search.brave import Brave
from dragoman.tools.search.duckduckgo import DuckDuckGo
from dragoman.tools.search.engine import Engine
from dragoman.tools.search.exa import Exa
from dragoman.tools.search.kagi import Kagi
from dragoman.tools.search.searxng import SearXNG
from dragoman.tools.search.serper import Serper
from dragoman.tools.search.tavily import Tavily

ENGINES: Final[tuple[Engine, ...]] = (Tavily(), Brave(), SearXNG(), Exa(), Serper(), Kagi(), DuckDuckGo())
