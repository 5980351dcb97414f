"""The worker's side of `benchmarks.peer`: answers one request at a time. Needs nothing but Python."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

Handler = Callable[..., dict[str, Any]]


def serve(handlers: Mapping[str, Handler]) -> None:
    """Say `ready`, then answer requests from standard input until it ends.

    A request is a line of JSON, `{"do": NAME, ...}`, and calls `handlers[NAME]` with the other keys. The
    answer is a line of JSON too: what the handler returned, or `{"error": ...}`. Whatever a library prints
    goes to standard error: standard output carries answers only.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(content: dict[str, Any]) -> None:
        print(json.dumps(content), file=answers, flush=True)

    answer({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer(handlers[request.pop("do")](**request))
        except Exception as error:
            traceback.print_exc()
            answer({"error": f"{type(error).__name__}: {error}"})
