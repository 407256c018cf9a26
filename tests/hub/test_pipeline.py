"""What may be done for a model."""

import pytest

from dragoman.hub.pipeline import Pipeline


@pytest.mark.parametrize(
    ("pipeline", "reads"),
    [
        (Pipeline(), True),
        (Pipeline(engine=False), False),
        (Pipeline(engine=False, layout=True), True),
        (Pipeline(engine=False, ocr="reader"), True),
        (Pipeline(engine=False, vision="eyes"), False),
    ],
)
def test_who_reads_text_from_pictures(pipeline: Pipeline, reads: bool) -> None:
    assert pipeline.reads == reads
