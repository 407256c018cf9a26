"""What the file says of a model's pipeline."""

from typing import Any

from dragoman.config.load import load_bytes
from dragoman.config.pipelines import pipelines_of
from dragoman.hub.pipeline import Pipeline
from dragoman.wire import jsons


def pipelines(models: dict[str, dict[str, Any]], **top: Any) -> dict[str, Pipeline]:
    listed = [{"name": name, "backends": ["http://127.0.0.1:1/v1"], **more} for name, more in models.items()]
    loaded = load_bytes(jsons.write({"models": listed, **top}), {})
    assert loaded.config is not None, loaded.findings
    return pipelines_of(loaded.config)


def test_nothing_is_set() -> None:
    assert pipelines({"m": {}}) == {"m": Pipeline()}


def test_the_models_own_settings_come_first() -> None:
    found = pipelines(
        {
            "m": {},
            "own": {"processors": {"vision": "other", "ocr": "none", "documents": "none"}},
            "none": {"processors": {"vision": "none"}, "supports_vision": False, "force_pipeline": True},
            "eyes": {},
            "other": {},
            "reader": {},
        },
        processors={"vision": "eyes", "ocr": "reader", "timeout": "30s"},
        documents={"paddleocr": {"backends": ["http://127.0.0.1:2"]}, "max_pages": 7, "max_scanned_pages": 3},
    )
    usual = Pipeline(vision="eyes", ocr="reader", layout=True, seconds=30, pages=7, scans=3)
    assert found["m"] == usual
    assert (found["own"].vision, found["own"].ocr, found["own"].documents) == ("other", None, False)
    assert (found["own"].layout, found["own"].engine) == (False, False)
    assert (found["none"].vision, found["none"].sees, found["none"].forced) == (None, False, True)
    assert {name for name, pipeline in found.items() if pipeline.asked} == {"eyes", "other", "reader"}


def test_a_model_does_not_help_itself() -> None:
    found = pipelines({"eyes": {}}, processors={"vision": "eyes", "ocr": "eyes"})["eyes"]
    assert (found.vision, found.ocr, found.asked) == (None, None, True)
