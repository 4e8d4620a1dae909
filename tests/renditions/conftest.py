"""Renditions of bytes and files, made as a deposit makes them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.company.documents import Document
from ledger.company.sealing.renditions import Renderer
from ledger.company.sealing.sources import open_source

Render = Callable[..., tuple[Document, ...]]


def read(document: Document) -> bytes:
    """Return a document's bytes."""
    buffer = bytearray(document.source.size)
    document.source.read_into(0, memoryview(buffer))
    return bytes(buffer)


@pytest.fixture
def renderer(tmp_path: Path) -> Iterator[Renderer]:
    folder = tmp_path / "renditions"
    folder.mkdir()
    with Renderer(folder, []) as renderer:
        yield renderer


@pytest.fixture
def render(renderer: Renderer, tmp_path: Path) -> Render:
    """Return what renders bytes under a name."""
    count = iter(range(1000))

    def render(data: bytes, name: str = "contract.pdf") -> tuple[Document, ...]:
        number = next(count)
        path = tmp_path / str(number)
        path.write_bytes(data)
        return renderer.render(Document(open_source(path), name), number)

    return render
