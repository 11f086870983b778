"""A shop whose search and login trust what visitors type. Read it: finding the mistakes is part of the lab.

Environment: AUTOLABS_CREDENTIALS (folder with the file `password`), AUTOLABS_LAB_ID, AUTOLABS_STUDENT_ID or
AUTOLABS_GROUP_ID, LAB_DATA (folder of the database, /data by default). Everyone's flag is another one.
"""

import base64
import hashlib
import hmac
import html
import os
import signal
import sqlite3
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, urlsplit

PAGE = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
TEXTS = {
    "en": {
        "title": "Lamp shop", "search": "Search", "found": "Lamps", "login": "Staff login", "name": "Name",
        "password": "Password", "enter": "Log in", "check": "Check the flag", "flag": "Flag",
        "welcome": "Welcome, {}!", "refused": "Wrong name or password.", "right": "That is the flag. Well done!",
        "wrong": "That is not the flag.", "database": "The database says: {}",
        "task": "Two mistakes in this shop let a visitor see more than he should. First log in as admin without the "
                "password. Then make the search show another table: one of its rows is your flag.",
    },
    "ru": {
        "title": "Магазин ламп", "search": "Поиск", "found": "Лампы", "login": "Вход для сотрудников", "name": "Имя",
        "password": "Пароль", "enter": "Войти", "check": "Проверить флаг", "flag": "Флаг",
        "welcome": "Здравствуйте, {}!", "refused": "Неверное имя или пароль.", "right": "Это флаг. Отлично!",
        "wrong": "Это не флаг.", "database": "Ответ базы данных: {}",
        "task": "Две ошибки в этом магазине позволяют увидеть лишнее. Сначала войдите как admin, не зная пароля. "
                "Затем заставьте поиск показать другую таблицу: в одной из её строк ваш флаг.",
    },
}  # fmt: skip
SCHEMA = """
CREATE TABLE products (name TEXT, price INTEGER);
INSERT INTO products VALUES ('Desk lamp', 25), ('Floor lamp', 60), ('Night light', 12), ('Reading lamp', 34);
CREATE TABLE users (name TEXT, password TEXT);
CREATE TABLE notes (title TEXT, text TEXT);
"""


def make_database(folder: Path, secret: str, flag: str) -> Path:
    """A fresh database at every start, so that a student can always begin again."""
    path = folder / "shop.db"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.executescript(SCHEMA)
        database.execute("INSERT INTO users VALUES ('admin', ?)", [secret])
        database.execute("INSERT INTO notes VALUES ('flag', ?)", [flag])
    database.close()
    return path


def search(database: sqlite3.Connection, words: str) -> list[tuple]:
    return database.execute(f"SELECT name, price FROM products WHERE name LIKE '%{words}%'").fetchall()


def login(database: sqlite3.Connection, name: str, password: str) -> tuple | None:
    return database.execute(f"SELECT name FROM users WHERE name = '{name}' AND password = '{password}'").fetchone()


class Shop(BaseHTTPRequestHandler):
    """One request. `password`, `flag` and `database` are set at the start."""

    password = flag = ""
    database = Path()
    timeout = 30

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/healthz":
            self.answer(200, "ok\n", "text/plain")
        elif not self.allowed():
            self.answer(401, "student?\n", "text/plain")
        elif url.path == "/":
            self.answer(200, self.page({name: values[0] for name, values in parse_qs(url.query).items()}))
        else:
            self.answer(404, "not here\n", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 10_000)).decode(errors="replace")
        if not self.allowed():
            self.answer(401, "student?\n", "text/plain")
        else:
            self.answer(200, self.page({name: values[0] for name, values in parse_qs(body).items()}))

    def allowed(self) -> bool:
        """Basic authentication (RFC 7617): only the student whose lab this is comes in."""
        wanted = base64.b64encode(f"student:{self.password}".encode()).decode()
        return hmac.compare_digest((self.headers.get("Authorization") or "").encode(), f"Basic {wanted}".encode())

    def page(self, form: dict[str, str]) -> str:
        russian = self.headers.get("Accept-Language", "").lower().startswith("ru")
        texts, message, rows = TEXTS["ru" if russian else "en"], "", []
        database = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            rows = search(database, form.get("q", ""))
            if "flag" in form:
                message = texts["right" if form["flag"].strip() == self.flag else "wrong"]
            elif "name" in form:
                user = login(database, form["name"], form.get("password", ""))
                message = texts["welcome"].format(user[0]) if user else texts["refused"]
        except sqlite3.Error as error:
            message = texts["database"].format(error)
        finally:
            database.close()
        cells = ("".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) for row in rows)
        return PAGE.substitute(
            texts, language="ru" if russian else "en", message=html.escape(message),
            query=html.escape(form.get("q", "")), rows="".join(f"<tr>{row}</tr>" for row in cells),
        )  # fmt: skip

    def answer(self, status: int, text: str, kind: str = "text/html") -> None:
        body = text.encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="lab", charset="UTF-8"')
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    source = Path(os.environ.get("AUTOLABS_CREDENTIALS", "/run/autolabs")) / "password"
    try:
        Shop.password = source.read_text(encoding="utf-8").strip()
    except OSError as error:
        sys.exit(f"sql-injection: {source}: {error.strerror}: mount the instance's credentials at {source.parent}")
    if not Shop.password:
        sys.exit(f"sql-injection: {source} is empty")
    owner = os.environ.get("AUTOLABS_STUDENT_ID") or os.environ.get("AUTOLABS_GROUP_ID") or ""
    text = f"{os.environ.get('AUTOLABS_LAB_ID', '')}/{owner}"
    proof = hmac.new(Shop.password.encode(), text.encode(), hashlib.sha256).hexdigest()
    Shop.flag = f"flag{{{proof[:24]}}}"
    folder = Path(os.environ.get("LAB_DATA", "/data"))
    if not os.access(folder, os.W_OK | os.X_OK):
        folder = Path(tempfile.mkdtemp())
    Shop.database = make_database(folder, proof[24:], Shop.flag)
    # As a container's first process it would not end by a signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("", 8080), Shop).serve_forever()


if __name__ == "__main__":
    main()
