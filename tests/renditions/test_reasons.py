"""Why there are no renditions: reasons that name what to do."""

import io
import zipfile

import pytest

from ledger.company.sealing.rendering import NotRendered
from ledger.evidence import notices
from tests.renditions.conftest import Render

RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Target="word/document.xml" Type="{}"/></Relationships>'
)
STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument"


def package(**members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_a_strict_open_xml_document_says_what_it_is(render: Render) -> None:
    data = package(**{"_rels/.rels": RELATIONS.format(STRICT), "word/document.xml": "<x/>"})
    with pytest.raises(NotRendered, match="Strict Open XML"):
        render(data, "contract.docx")


@pytest.mark.parametrize("data", [b"no zip", package(a="b"), b""])
def test_what_is_no_document_has_a_reason_and_what_to_do(data: bytes, render: Render) -> None:
    for name in ("contract.docx", "contract.pdf"):
        with pytest.raises(NotRendered) as refused:
            render(data, name)
        assert str(refused.value)
    (said,) = notices.read(str(refused.value))
    assert said.remedy
