# As server.pl, for machines without Perl.
# Usage: server.py PORT_FILE DATA_FILE
import http.server
import os
import signal
import sys

port_file, data_file = sys.argv[1:]
with open(data_file, "rb") as file:
    DATA = file.read()


class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        print("GET", self.path, flush=True)
        if self.path != "/countries":
            return self.answer(404, "text/plain", b"no such thing\n")
        Handler.asked += 1
        if Handler.asked <= 2:
            return self.answer(503, "text/plain", b"busy, try again\n")
        return self.answer(200, "application/json", DATA)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        print("POST", self.path, body.decode(), flush=True)
        self.answer(200, "text/plain", b"bye\n")
        self.server.done = self.path == "/done"

    def log_message(self, *_):
        pass


signal.alarm(30)
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
server.done = False
with open(port_file + ".new", "w", encoding="ascii") as file:
    file.write(f"{server.server_port}\n")
os.rename(port_file + ".new", port_file)
while not server.done:
    server.handle_request()
