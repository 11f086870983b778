"""A vendor's file is taken where its site answers, and only if it is the one that was published."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from testbed.mirror import official

CONTENT = b"a program"
SUM = hashlib.sha256(CONTENT).hexdigest()
OTHER = hashlib.sha256(b"another").hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder; announces more than it sends for names that end in `cut`."""

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def send_header(self, keyword: str, value: str) -> None:
        cut = keyword == "Content-Length" and self.path.endswith("cut")
        super().send_header(keyword, "1000" if cut else value)


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """HOST:PORT of a site that answers, and the folder that it serves."""
    official.answers.cache_clear()
    root = tmp_path / "vendor"
    root.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", root
        server.shutdown()


@pytest.mark.parametrize(
    "published",
    [{}, {".sha256": SUM}, {".sha256": f"{SUM}\n"}, {".sha256sum": f"{SUM}  tool\n"}, {".sha256": "<html>no</html>"}],
)
def test_a_file_is_downloaded(published: dict[str, str], vendor: tuple[str, Path], tmp_path: Path) -> None:
    host, root = vendor
    (root / "tool").write_bytes(CONTENT)
    for suffix, text in published.items():
        (root / f"tool{suffix}").write_text(text)
    assert official.download(f"{host}/tool", tmp_path / "tool", scheme="http")
    assert (tmp_path / "tool").read_bytes() == CONTENT


@pytest.mark.parametrize("published", [{".sha256": OTHER}, {".sha256sum": f"{OTHER}  tool\n"}])
def test_another_file_than_was_published_is_refused(
    published: dict[str, str], vendor: tuple[str, Path], tmp_path: Path
) -> None:
    host, root = vendor
    (root / "tool").write_bytes(CONTENT)
    for suffix, text in published.items():
        (root / f"tool{suffix}").write_text(text)
    target = tmp_path / "target" / "tool"
    target.parent.mkdir()
    with pytest.raises(official.ChecksumMismatch) as refused:
        official.download(f"{host}/tool", target, scheme="http")
    assert str(refused.value) == f"http://{host}/tool: the vendor's checksum is {OTHER}, the file's is {SUM}"
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["missing", "tool.cut"])
def test_what_cannot_be_had_whole_leaves_no_file(name: str, vendor: tuple[str, Path], tmp_path: Path) -> None:
    host, root = vendor
    (root / "tool.cut").write_bytes(CONTENT)
    target = tmp_path / "target" / "tool"
    target.parent.mkdir()
    assert not official.download(f"{host}/{name}", target, scheme="http")
    assert list(target.parent.iterdir()) == []


def test_a_site_that_does_not_answer_is_asked_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    official.answers.cache_clear()
    for name in ("a", "b"):
        # Nothing listens on this port: it is reserved for a service that is long gone (TCPMUX).
        assert not official.download(f"127.0.0.1:1/{name}", tmp_path / name, scheme="http")
    assert capsys.readouterr().err.count("http://127.0.0.1:1 does not answer") == 1
