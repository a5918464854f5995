"""Stands between muster and a server and writes down, byte for byte, what both say.

    python witness.py http://127.0.0.1:PORT RECORD.jsonl        (prints LISTEN and its own address)

Each line of the record is one POST: its path, status, and both bodies as text (JSON bodies are UTF-8).
"""
import http.server
import json
import sys
import threading
import urllib.error
import urllib.request

UPSTREAM, RECORD = sys.argv[1].rstrip("/"), sys.argv[2]
ANSWER_SECONDS = 60
writing = threading.Lock()


class Witness(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.pass_on(None)

    def do_POST(self):
        self.pass_on(self.rfile.read(int(self.headers["content-length"])))

    def pass_on(self, body):
        request = urllib.request.Request(UPSTREAM + self.path, data=body, method=self.command)
        request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                status, said = answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            status, said = refusal.code, refusal.read()
        if body is not None:
            self.write_down(status, body, said)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def write_down(self, status, asked, said):
        entry = {"path": self.path, "status": status, "asked": asked.decode(), "said": said.decode()}
        with writing, open(RECORD, "a", encoding="utf-8") as record:
            record.write(json.dumps(entry) + "\n")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Witness)
print(f"LISTEN http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
