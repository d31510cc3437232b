"""Grafana's stand-in: healthy when what is provisioned can be read as Grafana would read it: data sources,
dashboard providers, and every dashboard's JSON model, whose panels must name a data source that there is."""
import http.server
import json
import os
import sys

import yaml

PROVISIONING = "/etc/grafana/provisioning"


def need(ok, what):
    if not ok:
        sys.exit(f"grafana stand-in: {what}")


def documents(kind):
    folder = os.path.join(PROVISIONING, kind)
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            yield yaml.safe_load(f)


def panels(board):
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def check_board(path, uids):
    with open(path, encoding="utf-8") as f:
        board = json.load(f)
    need(board.get("uid") and board.get("title"), f"{path}: uid and title")
    need(board.get("schemaVersion", 0) >= 36, f"{path}: schemaVersion")
    ids = [p["id"] for p in panels(board)]
    need(ids and len(ids) == len(set(ids)), f"{path}: panel ids")
    for p in panels(board):
        need(p.get("type") and p.get("title") and p.get("gridPos"), f"{path}: panel {p.get('id')}")
        if p["type"] == "row":
            continue
        need(p["datasource"]["uid"] in uids, f"{path}: panel {p['id']}: data source")
        need(p.get("targets") and all(t.get("expr") and t.get("refId") for t in p["targets"]), f"{path}: panel {p['id']}: targets")
    return board["uid"]


def main():
    sources = [s for d in documents("datasources") for s in d["datasources"]]
    need(sources, "no data source")
    uids = {s["uid"] for s in sources}
    boards = []
    for d in documents("dashboards"):
        for provider in d["providers"]:
            folder = provider["options"]["path"]
            boards += [check_board(os.path.join(folder, n), uids) for n in sorted(os.listdir(folder)) if n.endswith(".json")]
    need(boards, "no dashboard")
    with open(os.environ["GF_SECURITY_ADMIN_PASSWORD__FILE"], encoding="utf-8") as f:
        need(len(f.read().strip()) >= 12, "the admin's password")
    need(os.access("/var/lib/grafana", os.W_OK), "/var/lib/grafana cannot be written")

    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"database": "ok", "dashboards": boards}).encode()
            self.send_response(200 if self.path == "/api/health" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    http.server.ThreadingHTTPServer(("0.0.0.0", 3000), Health).serve_forever()


main()
