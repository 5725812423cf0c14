"""An MCP server on http.server, whose gate believes tailscaled's headers. Arguments: path, HTTP version, tools."""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

path, version, *tools = sys.argv[1:]


class Handler(BaseHTTPRequestHandler):
    protocol_version = version

    def log_message(self, *args):
        pass

    def answer(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(405)

    def do_POST(self):
        if self.path != path:
            return self.answer(404)
        if "Content-Length" not in self.headers:
            self.close_connection = True
            return self.answer(411)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            return self.answer(400)
        if "id" not in message:
            return self.answer(202)
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        result = self.result(message.get("method"))
        if result is None:
            answer["error"] = {"code": -32601, "message": "method not found"}
        else:
            answer["result"] = result
        self.answer(200, answer)

    def result(self, method):
        if method == "initialize":
            info = {"name": "http", "version": "1.0.0"}
            return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
        if method == "tools/list":
            inside = self.headers.get("X-Forwarded-For", "").startswith("100.")
            names = tools if inside and "Tailscale-Funnel-Request" not in self.headers else []
            return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in names]}
        return None


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Callers that hang up are no news."""


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
