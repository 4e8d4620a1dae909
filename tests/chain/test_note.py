import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    MAX_NOTE_SIZE,
    MAX_SIGNATURES,
    PUBLIC_SIZES,
    Note,
    Signature,
    VerifierKey,
    format_note,
    format_signature,
    format_vkey,
    key_id,
    parse_note,
    parse_signature,
    parse_vkey,
    sign_note,
)
from ledger.crypto.keys import SigningKey, verify_ed25519
from ledger.errors import MalformedData, VerificationFailed

# Published with Go's implementation of signed notes.
FOO_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = (
    "This is an example message.\n"
    "\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRK"
    "uwHjG1Yu72IneyaQM=\n"
)
NEUMANN_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
NEUMANN_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6K"
    "E6RyyBwJnAM=\n"
)

names = st.text(
    st.characters(codec="utf-8", exclude_characters="+", exclude_categories=("Z", "C")),
    min_size=1,
    max_size=60,
)
signatures = st.builds(
    Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80)
)
texts = st.text(st.characters(codec="utf-8", min_codepoint=32) | st.just("\n")).map(
    lambda text: text + "\n"
)


def of_key(signature):
    return signature.name, signature.key_id


notes = st.builds(
    Note,
    texts,
    st.lists(
        signatures, min_size=1, max_size=5, unique_by=lambda each: (each.name, each.key_id)
    ).map(tuple),
)


@pytest.mark.parametrize(
    ("vkey", "whole"), [(FOO_KEY, FOO_NOTE), (NEUMANN_KEY, NEUMANN_NOTE)], ids=["foo", "Neumann"]
)
def test_published_notes_verify(vkey, whole):
    key, note = parse_vkey(vkey), parse_note(whole)
    (signature,) = note.signatures
    assert (signature.name, signature.key_id) == (key.name, key.key_id)
    verify_ed25519(key.public, note.text.encode(), signature.signature)
    with pytest.raises(VerificationFailed):
        verify_ed25519(key.public, note.text.encode() + b"\n", signature.signature)
    assert format_vkey(key) == vkey
    assert format_note(note) == whole
    assert parse_note(whole.encode()) == note


def test_signing_gives_the_published_note():
    seed = base64.b64decode(NEUMANN_SIGNER.split("+", 4)[4])[1:]
    text = parse_note(NEUMANN_NOTE).text
    signature = sign_note(text, "PeterNeumann", SigningKey(seed))
    assert format_note(Note(text, (signature,))) == NEUMANN_NOTE


@given(notes)
def test_a_note_reads_back(note):
    whole = format_note(note)
    assert parse_note(whole) == note
    assert parse_note(whole.encode()) == note


@given(
    st.text()
    | st.builds(format_note, notes).flatmap(
        lambda whole: st.integers(0, len(whole) - 1).flatmap(
            lambda at: st.characters().map(lambda char: whole[:at] + char + whole[at + 1 :])
        )
    )
)
def test_a_note_that_is_read_is_written_the_same(whole):
    try:
        note = parse_note(whole)
    except MalformedData:
        return
    assert format_note(note) == whole


@given(st.binary(max_size=400))
def test_bytes_raise_nothing_but_malformed(data):
    for tail in (b"", b"\n\n\xe2\x80\x94 a AAAAAAA=\n"):
        try:
            note = parse_note(data + tail)
        except MalformedData:
            continue
        assert format_note(note).encode() == data + tail


def test_text_may_hold_empty_lines_and_looks_of_signatures():
    text = "a\n\n— fake AAAAAAA=\n\n\n"
    note = Note(text, (Signature("real", b"\0\0\0\1", b"\2"),))
    assert parse_note(format_note(note)) == note


LINE = "— a AAAAAAA=\n"


@pytest.mark.parametrize(
    "whole",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n" + LINE,
        "x" + LINE,
        "text\n\n" + LINE.rstrip("\n"),
        "text\n\n" + LINE + "\n",
        "text\r\n\n" + LINE,
        "te\0xt\n\n" + LINE,
        "text\n\n" + LINE.replace("—", "-"),
        "text\n\n" + LINE.replace("—", "–"),
        "text\n\n— AAAAAAA=\n",
        "text\n\n—  AAAAAAA=\n",
        "text\n\n— a+b AAAAAAA=\n",
        "text\n\n— a b AAAAAAA=\n",
        "text\n\n— a\u00a0b AAAAAAA=\n",
        "text\n\n— a\u2003b AAAAAAA=\n",
        "text\n\n— a AAAAAAA= \n",
        "text\n\n— a AAAAAAA\n",
        "text\n\n— a AAAAAAB=\n",
        "text\n\n— a AAA-AAA=\n",
        "text\n\n— a AAAAAA==\n",
        "text\n\n— " + "a" * 256 + " AAAAAAA=\n",
        "text\n\n" + LINE * (MAX_SIGNATURES + 1),
        "x" * MAX_NOTE_SIZE + "\n\n" + LINE,
        "te\ud800xt\n\n" + LINE,
    ],
)
def test_what_is_no_signed_note_is_refused(whole):
    with pytest.raises(MalformedData):
        parse_note(whole)


def test_many_signatures_are_read():
    lines = "".join(
        format_signature(Signature(f"w{number}", bytes(4), b"x")) + "\n"
        for number in range(MAX_SIGNATURES)
    )
    assert len(parse_note("text\n\n" + lines).signatures) == MAX_SIGNATURES


def test_two_lines_of_one_key_are_malformed():
    with pytest.raises(MalformedData, match="two signature lines"):
        parse_note("text\n\n" + LINE * 2)


@given(signatures)
def test_a_signature_line_reads_back(signature):
    assert parse_signature(format_signature(signature)) == signature


@given(
    names,
    st.sampled_from([ED25519, COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44]).flatmap(
        lambda kind: st.tuples(
            st.just(kind), st.binary(min_size=PUBLIC_SIZES[kind], max_size=PUBLIC_SIZES[kind])
        )
    ),
)
def test_a_verifier_key_reads_back(name, kind_and_public):
    key = VerifierKey(name, *kind_and_public)
    assert parse_vkey(format_vkey(key)) == key
    assert len(key.key_id) == 4


@given(st.text())
def test_a_verifier_key_raises_nothing_but_malformed(text):
    with pytest.raises(MalformedData):
        parse_vkey(text)


def vkey(name, material, identifier=None):
    identifier = identifier or key_id(name, material[0], material[1:]).hex()
    return f"{name}+{identifier}+{base64.b64encode(material).decode()}"


@pytest.mark.parametrize(
    "text",
    [
        vkey("example.com", b"\1" + bytes(31)),
        vkey("example.com", b"\1" + bytes(33)),
        vkey("example.com", b"\6" + bytes(32)),
        vkey("example.com", b"\2" + bytes(32)),
        vkey("example.com", b"\xff" + bytes(32)),
        vkey("example.com", b"\1" + bytes(32), "00000000"),
        FOO_KEY.replace("530d903a", "530D903A"),
        FOO_KEY.replace("example.com/foo", "example.com/bar"),
        FOO_KEY + "\n",
        vkey("", b"\1" + bytes(32)),
        vkey("a b", b"\1" + bytes(32)),
        "example.com+530d903a+",
        "example.com+530d903a",
    ],
)
def test_any_other_verifier_key_is_refused(text):
    with pytest.raises(MalformedData):
        parse_vkey(text)
