"""What may be done for a model to what it cannot read: the file's settings, the model's own above those at the top."""

from dragoman.config.schema import Config, ModelConfig
from dragoman.hub.pipeline import Pipeline

NONE = "none"


def pipelines_of(config: Config) -> dict[str, Pipeline]:
    asked = readers(config)
    return {model.name: _pipeline(config, model, asked) for model in config.models}


def _pipeline(config: Config, model: ModelConfig, asked: frozenset[str]) -> Pipeline:
    own, top, documents = model.processors, config.processors, config.documents
    ocr = own.ocr or top.ocr
    return Pipeline(
        vision=_named(own.vision or top.vision, model),
        ocr=_named(ocr, model),
        layout=ocr != NONE and documents.paddleocr is not None and bool(documents.paddleocr.backends),
        engine=ocr != NONE,
        documents=(own.documents or top.documents) != NONE,
        sees=model.supports_vision,
        asked=model.name in asked,
        forced=model.force_pipeline,
        seconds=top.timeout,
        pages=documents.max_pages,
        scans=documents.max_scanned_pages,
        characters=documents.max_characters,
    )


def readers(config: Config) -> frozenset[str]:
    """The models that others have their images described or their pages read by."""
    names = [config.processors.vision, config.processors.ocr]
    for model in config.models:
        names += [model.processors.vision, model.processors.ocr]
    return frozenset(names) - {"", NONE}


def _named(name: str, model: ModelConfig) -> str | None:
    """A model is no help to itself."""
    return None if name in ("", NONE, model.name) else name
