"""The section `processors` of config.yaml, at the top and of one model."""

from typing import Annotated, Literal

from msgspec import Struct

from dragoman.config.about import NO_SECRET, About
from dragoman.config.durations import Seconds
from dragoman.hub.route import Secret

DocumentsSwitch = Literal["auto", "none"]
SearchProvider = Literal["tavily", "brave", "searxng", "exa", "serper", "kagi", "duckduckgo"]


class ModelProcessorsConfig(Struct, frozen=True, kw_only=True):
    """What differs for one model from the `processors` at the top; `none` switches one off."""

    vision: Annotated[str, About("Model that describes images for this model, or `none`.", example="none")] = ""
    ocr: Annotated[
        str,
        About(
            "Model that reads text from page images for this model; `none`: nothing reads any for it.", example="none"
        ),
    ] = ""
    documents: Annotated[
        DocumentsSwitch | None, About("Whether PDFs are read for this model: `auto` or `none`.", example="none")
    ] = None
    web_search_key: Annotated[
        Secret,
        About("Search key for this model, in place of all services above; `none`: no search.", example="none"),
    ] = NO_SECRET
    web_search: Annotated[
        Literal["auto", "always"],
        About(
            "Who may search the web: `auto` is whoever asks for it as its dialect does, `always` is every Chat"
            " Completions client as well, which then need not know of it."
        ),
    ] = "auto"


class SearchConfig(Struct, frozen=True, kw_only=True):
    """One web search service. Several are tried in order. Its bare name may stand in the mapping's place."""

    provider: Annotated[SearchProvider, About("The service.", example="tavily")]
    key: Annotated[
        Secret, About("Key of the service; `searxng` and `duckduckgo` need none.", example="${TAVILY_KEY}")
    ] = NO_SECRET
    api_key: Annotated[Secret, About("The same as `key`.", hidden=True)] = NO_SECRET
    url: Annotated[
        str,
        About(
            "Base URL in place of the service's own; `searxng` has none of its own. It is asked whatever its address,"
            " unlike URLs in requests.",
            example="http://127.0.0.1:8888",
        ),
    ] = ""


class ProcessorsConfig(Struct, frozen=True, kw_only=True):
    """Help for models that cannot see or search."""

    vision: Annotated[
        str,
        About(
            "Model of this file that describes images for models that cannot see. With it, a Chat backend of which"
            " nothing is known is taken not to see; `supports_vision` says otherwise. `none` for none.",
            example="my-vision-model",
        ),
    ] = ""
    ocr: Annotated[
        str,
        About(
            "Model of this file that reads text from page images. Without one the PaddleOCR service does, else the OCR"
            " engine of this machine; `none` switches off all of them.",
            example="my-ocr-model",
        ),
    ] = ""
    documents: Annotated[
        DocumentsSwitch,
        About("Whether PDFs are read for backends that take none: `auto`, or `none` to leave them as they are."),
    ] = "auto"
    timeout: Annotated[
        Seconds, About("Longest wait for what one of these models says about one image or page.", gt=0)
    ] = Seconds(120)
    web_search_key: Annotated[
        Secret, About("Search key: `tvly-...` is Tavily, `BSA...` is Brave.", example="${TAVILY_KEY}")
    ] = NO_SECRET
    web_search: Annotated[
        tuple[SearchConfig, ...], About("Search services, in the order to try them; after that of `web_search_key`.")
    ] = ()
    web_fetch: Annotated[
        bool | None,
        About(
            "Whether models may have pages of the web fetched. Not said: where they can search. Other machines of your"
            " network are out of reach; `fetch_allow` names exceptions."
        ),
    ] = None
