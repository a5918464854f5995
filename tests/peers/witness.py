"""Stands between muster and servers and writes down, byte for byte, what both say.

    python witness.py RECORD.jsonl NAME=http://127.0.0.1:PORT...        (prints LISTEN and its own address)

What is asked at /NAME/PATH is asked of that server at /PATH. Each line of the record is one POST: the server's name, the
path, the status, the request's headers but for keys, and both bodies as text (JSON bodies are UTF-8).
"""
import http.client
import http.server
import json
import sys
import threading
import urllib.parse

RECORD = sys.argv[1]
SERVERS = dict(server.split("=", 1) for server in sys.argv[2:])
ANSWER_SECONDS = 60
KEYS = {"authorization", "x-api-key", "x-goog-api-key", "api-key"}
OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding"}
writing = threading.Lock()


class Witness(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.pass_on(None)

    def do_POST(self):
        self.pass_on(self.rfile.read(int(self.headers["content-length"])))

    def pass_on(self, body):
        _, name, path = self.path.split("/", 2)
        upstream = urllib.parse.urlsplit(SERVERS[name])
        asking = http.client.HTTPConnection(upstream.hostname, upstream.port, timeout=ANSWER_SECONDS)
        asking.request(self.command, "/" + path, body, passed(self.headers.items()))
        answer = asking.getresponse()
        said = answer.read()
        asking.close()
        if body is not None:
            self.write_down(name, path, answer.status, body, said)
        self.send_response(answer.status)
        for header, value in passed(answer.getheaders()).items():
            self.send_header(header, value)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def write_down(self, name, path, status, asked, said):
        headers = {key.lower(): value for key, value in self.headers.items() if key.lower() not in KEYS}
        entry = {"server": name, "path": "/" + path, "status": status, "headers": headers}
        entry |= {"asked": asked.decode(), "said": said.decode()}
        with writing, open(RECORD, "a", encoding="utf-8") as record:
            record.write(json.dumps(entry) + "\n")

    def log_message(self, *_):
        pass


def passed(headers):
    return {name: value for name, value in headers if name.lower() not in OF_THE_CONNECTION}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


server = Server(("127.0.0.1", 0), Witness)
print(f"LISTEN http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
