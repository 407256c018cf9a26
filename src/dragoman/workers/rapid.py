"""OCR by RapidOCR, whose wheel holds its models."""

import functools
from typing import Any, Final

import numpy as np
from PIL import Image

# As measured, not as delivered: the usual parameters lose the ends of long lines without a word.
_PARAMETERS: Final[dict[str, Any]] = {
    "Global.log_level": "error",
    "Global.use_cls": False,
    "Det.limit_side_len": 960,
    "Det.limit_type": "max",
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


@functools.cache
def _engine() -> Any:
    from rapidocr import RapidOCR  # noqa: PLC0415 - takes a second

    return RapidOCR(params=_PARAMETERS)


def read(picture: Image.Image) -> str:
    found = _engine()(np.asarray(picture)[:, :, ::-1])
    return "\n".join(found.txts or ())
