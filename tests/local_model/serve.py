"""A real model on this machine, by hand: `python -m tests.local_model.serve`, then try http://127.0.0.1:18081/v1.

Fetches the model the first time (two minutes, 2.4 GB on the way), starts in five seconds after that, and answers with
7 to 10 tokens a second on two idle cores.

The model writes its tool calls as JSON in code fences. With the template beside this file llama.cpp turns them into
real tool calls; `--plain` uses the model's own template, and they stay text, as with many local models.

Standard library only.
"""

import argparse
import os
from pathlib import Path
from typing import Final

from tests.local_model import weights

MODEL: Final = "qwen2.5-coder-1.5b"  # the name it goes by
CONTEXT: Final = 8192  # tokens
THREADS: Final = 2
FENCED: Final = Path(__file__).with_name("qwen-coder-fenced.jinja")


def command(port: int, context: int = CONTEXT, threads: int = THREADS, template: Path | None = FENCED) -> list[str]:
    """Return how to start the server. The weights must be there."""
    program = str(Path(__file__).with_name("llama_server.py"))
    numbers = [str(port), str(context), str(threads)]
    return [str(weights.python()), program, str(weights.gguf()), MODEL, *numbers, str(template or "")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=18081)
    parser.add_argument("--context", type=int, default=CONTEXT, help="tokens (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=THREADS, help="(default: %(default)s)")
    parser.add_argument("--plain", action="store_true", help="leave tool calls as the text that the model writes")
    given = parser.parse_args()
    weights.install()
    start = command(given.port, given.context, given.threads, None if given.plain else FENCED)
    os.execv(start[0], start)


if __name__ == "__main__":
    main()
