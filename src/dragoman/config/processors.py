"""The section `processors` of config.yaml, at the top and of one model."""

from typing import Annotated, Literal

from msgspec import Struct

from dragoman.config.about import NO_SECRET, About
from dragoman.config.durations import Seconds
from dragoman.hub.route import Secret

DocumentsSwitch = Literal["auto", "none"]


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
    web_search_key: Annotated[Secret, About("Search key for this model, or `none`.", example="none")] = NO_SECRET
    web_search: Annotated[
        Literal["auto", "always"],
        About(
            "Who may search the web: `auto` is whoever asks for it as its dialect does, `always` is every Chat"
            " Completions client as well, which then need not know of it."
        ),
    ] = "auto"


class SearchConfig(Struct, frozen=True, kw_only=True):
    """One web search service. Several are tried in order."""

    provider: Annotated[str, About("The service: `tavily`, `brave` or `searxng`.", example="tavily")]
    api_key: Annotated[Secret, About("Key of the service.", example="${TAVILY_KEY}")] = NO_SECRET
    url: Annotated[str, About("Base URL, for a service of your own.", example="http://127.0.0.1:8888")] = ""


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
    web_search: Annotated[tuple[SearchConfig, ...], About("Search services, in the order to try them.")] = ()
