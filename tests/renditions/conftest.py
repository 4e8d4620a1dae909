"""Renditions of bytes and files, made as a deposit makes them."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.company.documents import Document
from ledger.company.sealing.renditions import Child, Renderer
from ledger.company.sealing.sources import open_source

Render = Callable[..., tuple[Document, ...]]


def read(document: Document) -> bytes:
    """Return a document's bytes."""
    buffer = bytearray(document.source.size)
    document.source.read_into(0, memoryview(buffer))
    return bytes(buffer)


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """A child that serves the deposits of all tests of a module."""
    child = Child(tmp_path_factory.mktemp("renditions"))
    yield child
    child.stop()


@pytest.fixture
def render(child: Child, tmp_path: Path) -> Iterator[Render]:
    """What renders bytes under a name."""
    renderer = Renderer(child._folder, [])
    renderer._child = child
    yield rendering(renderer, tmp_path)
    for made in child._folder.glob("[0-9]*"):
        shutil.rmtree(made)


def rendering(renderer: Renderer, folder: Path) -> Render:
    """Return what renders bytes under a name; they are written into the folder."""
    count = iter(range(1000))

    def render(data: bytes, name: str = "contract.pdf") -> tuple[Document, ...]:
        number = next(count)
        path = folder / str(number)
        path.write_bytes(data)
        return renderer.render(Document(open_source(path), name), number)

    return render
