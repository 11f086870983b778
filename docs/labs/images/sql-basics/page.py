"""A shop's page of its best customers. It shows what the view `best_customers` says, which students write in SQL.

Environment: AUTOLABS_CREDENTIALS (folder with the file `password`), PGHOST, PGUSER, PGPASSWORD, PGDATABASE.
"""

import base64
import hmac
import html
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg2

TEXTS = {
    "en": ("Our best customers", "Customer", "Spent", "The database says:", "Right. Well done!", "Not right yet."),
    "ru": ("Лучшие покупатели", "Покупатель", "Сумма", "Ответ базы данных:", "Верно. Отлично!", "Пока неверно."),
}
PAGE = """<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title>
<style>body {{ font: 17px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }}
td, th {{ padding: .3rem 2rem .3rem 0; text-align: left }} pre {{ white-space: pre-wrap }}</style>
<h1>{title}</h1>{content}</html>"""
ASKED = "SELECT customer, spent FROM best_customers"
# Asked of the tables themselves, so that new orders change what is right.
RIGHT = """
SELECT customers.name, sum(products.price * orders.quantity)
FROM orders JOIN customers ON customers.id = orders.customer JOIN products ON products.id = orders.product
GROUP BY customers.id, customers.name ORDER BY 2 DESC, 1 LIMIT 3
"""


def content(language: str) -> str:
    """The page's table, or what the database answers instead; every request asks anew."""
    customer, spent, refused, right, wrong = TEXTS[language][1:]
    try:
        connection = psycopg2.connect(connect_timeout=5)
        try:
            with connection.cursor() as cursor:
                cursor.execute(ASKED)
                rows = cursor.fetchall()
                cursor.execute(RIGHT)
                message = right if rows == cursor.fetchall() else wrong
        finally:
            connection.close()
    except psycopg2.Error as error:
        return f"<p>{refused}</p><pre>{html.escape(str(error))}</pre>"
    cells = "".join(f"<tr><td>{html.escape(str(name))}<td>{html.escape(str(total))}" for name, total in rows)
    return f"<table><tr><th>{customer}<th>{spent}{cells}</table><p><b>{message}</b></p>"


class Page(BaseHTTPRequestHandler):
    """One request. `wanted` is the Authorization header (RFC 7617) of the student whose lab this is."""

    wanted = b""
    timeout = 30

    def do_GET(self) -> None:
        if not hmac.compare_digest((self.headers.get("Authorization") or "").encode(), self.wanted):
            self.answer(401, "student?")
            return
        language = "ru" if self.headers.get("Accept-Language", "").lower().startswith("ru") else "en"
        self.answer(200, PAGE.format(language=language, title=TEXTS[language][0], content=content(language)))

    def answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="lab", charset="UTF-8"')
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    source = Path(os.environ.get("AUTOLABS_CREDENTIALS", "/run/autolabs")) / "password"
    try:
        password = source.read_text(encoding="utf-8").strip()
    except OSError as error:
        sys.exit(f"page: {source}: {error.strerror}: mount the instance's credentials at {source.parent}")
    if not password:
        sys.exit(f"page: {source} is empty")
    Page.wanted = b"Basic " + base64.b64encode(f"student:{password}".encode())
    # As a container's first process it would not end by a signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("", 8080), Page).serve_forever()


if __name__ == "__main__":
    main()
