"""An HTTP server for case_web.py: python3 web_server.py PORT.

/seen    the headers that came, as JSON: {name: [values]}
/echo    the body that came
/slowly  a chunked answer whose second piece comes after a minute
/count   how many requests came, this one too
"""
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

count = 0
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        """The body of the request, piece by piece."""
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left > 0 and (piece := self.rfile.read(min(left, 65536))):
            left -= len(piece)
            yield piece

    def answer(self, data):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def do_GET(self):
        global count
        with lock:
            count += 1
        if self.path == "/count":
            return self.answer(str(count).encode())
        if self.path == "/slowly":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.chunk(b"first\n")
            time.sleep(60)
            return self.chunk(b"")
        seen = {}
        for name, value in self.headers.items():
            seen.setdefault(name, []).append(value)
        self.answer(json.dumps(seen).encode())

    do_HEAD = do_GET

    def do_POST(self):
        global count
        with lock:
            count += 1
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in self.body():
            self.chunk(piece)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *what):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
