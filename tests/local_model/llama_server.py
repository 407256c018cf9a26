"""llama.cpp's own HTTP server. Runs under the interpreter that has it: see weights.py.

llama_server.py GGUF MODEL PORT CONTEXT THREADS TEMPLATE
"""

import sys
import threading
from pathlib import Path

import xllamacpp  # type: ignore[import-not-found]  # in an environment of its own


def main() -> None:
    gguf, model, port, context, threads, template = sys.argv[1:]
    given = xllamacpp.CommonParams()
    given.model.path, given.model_alias = gguf, [model]
    given.hostnames = ["127.0.0.1"] if isinstance(given.hostnames, list) else "127.0.0.1"
    given.port, given.n_ctx, given.n_parallel = int(port), int(context), 1
    given.cpuparams.n_threads = given.cpuparams_batch.n_threads = int(threads)
    given.use_jinja = given.endpoint_metrics = given.endpoint_slots = True
    if template:
        given.chat_template = Path(template).read_text()
    server = xllamacpp.Server(given)
    sys.stdout.write(f"READY {server.listening_address}\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
