"""An MCP server on wsgiref, which takes a header with underscores for one with dashes. Arguments: path, trusted header, tools."""

import json
import os
import sys
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

path, trusted, *tools = sys.argv[1:]


def is_trusted(environ):
    """Serve's requests come from the tailnet and carry no mark; the flaw is that a folded header counts too."""
    address = environ.get("HTTP_X_FORWARDED_FOR", "")
    if trusted == "X-Forwarded-For":
        return any(part.strip().startswith("100.") for part in address.split(","))
    return environ.get("HTTP_TAILSCALE_USER_LOGIN", "") != ""


def reply(message, environ):
    method = message.get("method")
    if method == "initialize":
        info = {"name": "wsgi", "version": "1.0.0"}
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        names = tools if is_trusted(environ) else []
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in names]}
    return None


def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if environ["PATH_INFO"] != path or not body:
        start_response("404 Not Found", [])
        return [b""]
    try:
        message = json.loads(body)
    except ValueError:
        message = None
    if not isinstance(message, dict) or "id" not in message:
        start_response("202 Accepted", [])
        return [b""]
    answer = {"jsonrpc": "2.0", "id": message["id"]}
    result = reply(message, environ)
    if result is None:
        answer["error"] = {"code": -32601, "message": "method not found"}
    else:
        answer["result"] = result
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
server = make_server("127.0.0.1", 0, application, Server, Quiet)
print(server.server_port, flush=True)
server.serve_forever()
