"""A chat server in a thread, for tests: it answers as it is told and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-canary-1234567890"
Reply = tuple[int, dict[str, str], Any]


def said(text: str, read: int | None = 10, written: int | None = 2) -> Reply:
    usage = {"prompt_tokens": read, "completion_tokens": written}
    return 200, {}, {"choices": [{"message": {"content": text}}], "usage": usage}


class Server:
    """Answers with what `reply` says of the request; remembers the requests."""

    def __init__(self, reply: Callable[[dict[str, Any], int], Reply]) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    outer.seen.append((self.headers.get("Authorization", ""), body))
                    number = len(outer.seen)
                status, headers, data = reply(body, number)
                if status == 0:
                    self.connection.close()
                    return
                packed = data if isinstance(data, bytes) else json.dumps(data).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(packed)))
                self.end_headers()
                self.wfile.write(packed)

            do_GET = do_POST

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
