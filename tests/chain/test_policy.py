import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import cosign, sign_checkpoint
from ledger.chain.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Note,
    Signature,
    VerifierKey,
    format_note,
    format_vkey,
    parse_note,
    sign_note,
)
from ledger.chain.policy import (
    MAX_LINES_OF_A_KIND,
    MAX_POLICY_SIZE,
    Group,
    Log,
    Policy,
    Witness,
    format_policy,
    parse_policy,
    verify_note,
)
from ledger.crypto.keys import MlDsaKey, SigningKey
from ledger.errors import MalformedData, VerificationFailed

ORIGIN = "notary.example/ledger"
LOG_KEY = SigningKey(b"1" * 32)
PQ_KEY = MlDsaKey(b"2" * 32)
WITNESS_KEYS = [SigningKey(bytes([number]) * 32) for number in range(10, 15)]
CHECKPOINT = Checkpoint(ORIGIN, 300, b"\xab" * 32)
TIME = 1_795_392_000


def vkey(name, kind, key):
    return format_vkey(VerifierKey(name, kind, key.public))


def witness_name(number):
    return f"w{number}.example"


LOG_LINE = f"log {vkey(ORIGIN, ED25519, LOG_KEY)}\n"
PQ_LINE = f"witness notary-pq {vkey(ORIGIN, COSIGNATURE_ML_DSA_44, PQ_KEY)}\n"
W = [
    f"witness w{number} {vkey(witness_name(number), COSIGNATURE_ED25519, key)}\n"
    for number, key in enumerate(WITNESS_KEYS)
]
BOTH = LOG_LINE + PQ_LINE + "group notary all notary-pq\nquorum notary\n"
QUORUM = (
    LOG_LINE
    + PQ_LINE
    + "".join(W)
    + "group x 2 w0 w1 w2\ngroup y any w3 w4\ngroup all-of-them all notary-pq x y\n"
    + "quorum all-of-them\n"
)
NOTE = sign_checkpoint(CHECKPOINT, LOG_KEY, PQ_KEY, TIME)


def cosigned(*numbers, note=NOTE):
    parsed = parse_note(note)
    lines = [cosign(CHECKPOINT, witness_name(n), WITNESS_KEYS[n], TIME + n) for n in numbers]
    return format_note(Note(parsed.text, (*parsed.signatures, *lines)))


def lines_of(note):
    head, _, tail = note.partition("\n\n")
    return head + "\n\n", tail.splitlines(keepends=True)


# --- the text ---


def test_a_policy_is_read_and_written():
    policy = parse_policy(QUORUM)
    assert [log.key.name for log in policy.logs] == [ORIGIN]
    assert [witness.name for witness in policy.witnesses] == [
        "notary-pq",
        *(f"w{n}" for n in range(5)),
    ]
    assert policy.groups == (
        Group("x", 2, ("w0", "w1", "w2")),
        Group("y", 1, ("w3", "w4")),
        Group("all-of-them", 3, ("notary-pq", "x", "y")),
    )
    assert policy.quorum == "all-of-them"
    assert format_policy(policy) == QUORUM


def test_spacing_comments_and_order_are_free():
    text = (
        "# trust\n\n \t # more\n"
        + W[0].replace(" ", " \t ").replace("\n", "  https://w0.example/add \n")
        + "\tquorum w0\n"
        + LOG_LINE.rstrip("\n")
        + " https://notary.example\n"
    )
    policy = parse_policy(text)
    assert policy.quorum == "w0"
    assert policy.witnesses[0].url == "https://w0.example/add"
    assert policy.logs[0].url == "https://notary.example"
    assert parse_policy(format_policy(policy)) == policy


def test_names_are_opaque_and_may_be_chinese():
    text = W[0].replace("witness w0", "witness 南京公证处") + "quorum 南京公证处\n"
    assert format_policy(parse_policy(text)) == text


@given(st.lists(st.integers(1, 3), max_size=5), st.data())
def test_any_policy_reads_back(shape, data):
    witnesses = tuple(
        Witness(f"w{n}", VerifierKey(f"w{n}", COSIGNATURE_ED25519, key.public))
        for n, key in enumerate(WITNESS_KEYS)
    )
    free = [witness.name for witness in witnesses]
    groups = []
    for number, count in enumerate(shape):
        members = tuple(free.pop(0) for _ in range(min(count, len(free))))
        if members:
            threshold = data.draw(st.integers(1, len(members)))
            groups.append(Group(f"g{number}", threshold, members))
            free.append(f"g{number}")
    log = Log(VerifierKey(ORIGIN, ED25519, LOG_KEY.public), data.draw(st.sampled_from([None, "u"])))
    quorum = data.draw(st.sampled_from(["none", *free]))
    policy = Policy((log,), witnesses, tuple(groups), quorum)
    assert parse_policy(format_policy(policy)) == policy


words = st.sampled_from(
    ["log", "witness", "group", "quorum", "none", "all", "any", "1", "2", "a", "b", "#", " ", "\t",
     "\n", "\0", "\x7f", "\u2003", vkey("w", COSIGNATURE_ED25519, LOG_KEY)]
)  # fmt: skip


@given(st.text() | st.lists(words, max_size=30).map(" ".join).map(lambda text: text + "\n"))
def test_a_policy_raises_nothing_but_malformed(text):
    try:
        policy = parse_policy(text)
    except MalformedData:
        return
    assert parse_policy(format_policy(policy)) == policy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum none",
        LOG_LINE,
        "quorum none\nquorum none\n",
        "quorum w0\n" + W[0],
        "quorum missing\n",
        "log\nquorum none\n",
        "log nonsense\nquorum none\n",
        LOG_LINE + LOG_LINE + "quorum none\n",
        LOG_LINE + f"log {vkey('other', ED25519, LOG_KEY)}\nquorum none\n",
        f"log {vkey('a', COSIGNATURE_ED25519, LOG_KEY)}\nquorum none\n",
        f"log {vkey('公证', ED25519, LOG_KEY)}\nquorum none\n",
        f"witness a {vkey('a', ED25519, LOG_KEY)}\nquorum none\n",
        W[0] + W[0] + "quorum none\n",
        W[0] + W[0].replace("witness w0", "witness again") + "quorum none\n",
        W[0] + W[1].replace("witness w1", "witness w0") + "quorum none\n",
        W[0].replace("witness w0", "witness none") + "quorum none\n",
        W[0] + "group g all\nquorum g\n",
        W[0] + "group g 0 w0\nquorum g\n",
        W[0] + "group g 2 w0\nquorum g\n",
        W[0] + "group g 01 w0\nquorum g\n",
        W[0] + "group g some w0\nquorum g\n",
        W[0] + "group none all w0\nquorum none\n",
        W[0] + "group w0 all w0\nquorum w0\n",
        W[0] + "group g all w0 w0\nquorum g\n",
        W[0] + "group g all g\nquorum g\n",
        W[0] + "group g all none\nquorum g\n",
        W[0] + "group g all w0\ngroup h all w0\nquorum h\n",
        "group g all w0\n" + W[0] + "quorum g\n",
        "quorum none extra\n",
        "trust everybody\nquorum none\n",
        "quorum\u00a0none\n",
        "quorum none\r\n",
        "quorum none\n\0\n",
        "#" * MAX_POLICY_SIZE + "\nquorum none\n",
    ],
)
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(MalformedData):
        parse_policy(text)


def test_an_error_names_the_line():
    with pytest.raises(MalformedData, match="line 2"):
        parse_policy(W[0] + "group g all missing\nquorum g\n")


def test_limits_are_above_what_the_specification_asks_for():
    def witnesses(count):
        keys = [SigningKey(number.to_bytes(32, "big")) for number in range(count)]
        return "".join(
            f"witness n{number} {vkey('w', COSIGNATURE_ED25519, key)}\n"
            for number, key in enumerate(keys)
        )

    longest = LOG_LINE + "quorum none\n"
    longest = "#" * (MAX_POLICY_SIZE - len(longest) - 1) + "\n" + longest
    assert parse_policy(longest).quorum == "none"
    assert len(parse_policy(witnesses(MAX_LINES_OF_A_KIND) + "quorum n0\n").witnesses) >= 32
    with pytest.raises(MalformedData):
        parse_policy(witnesses(MAX_LINES_OF_A_KIND + 1) + "quorum n0\n")


# --- what satisfies it ---


def test_a_checkpoint_signed_by_both_log_keys_counts():
    verified = verify_note(parse_policy(BOTH), NOTE)
    assert verified.checkpoint == CHECKPOINT
    assert [(log.key.name, log.time) for log in verified.logs] == [(ORIGIN, None)]
    assert [(name, each.time) for name, each in verified.witnesses] == [("notary-pq", TIME)]
    assert verify_note(parse_policy(BOTH), NOTE.encode()) == verified
    assert verify_note(parse_policy(BOTH), parse_note(NOTE)) == verified


def test_either_log_key_alone_is_not_enough():
    head, (ed25519, ml_dsa) = lines_of(NOTE)
    for line in (ed25519, ml_dsa):
        with pytest.raises(VerificationFailed):
            verify_note(parse_policy(BOTH), head + line)


def test_without_a_quorum_the_log_alone_suffices():
    policy = parse_policy(LOG_LINE + "quorum none\n")
    assert verify_note(policy, NOTE).witnesses == ()


@pytest.mark.parametrize(
    ("numbers", "enough"),
    [
        ((0, 1, 3), True),
        ((1, 2, 4), True),
        ((0, 1, 2, 3, 4), True),
        ((), False),
        ((0, 1), False),
        ((0, 3), False),
        ((0, 3, 4), False),
        ((3, 4), False),
    ],
)
def test_the_quorum_decides(numbers, enough):
    policy, note = parse_policy(QUORUM), cosigned(*numbers)
    if enough:
        names = [name for name, _ in verify_note(policy, note).witnesses]
        assert names == ["notary-pq", *(f"w{number}" for number in numbers)]
    else:
        with pytest.raises(VerificationFailed, match="quorum"):
            verify_note(policy, note)


def test_unknown_signatures_are_ignored():
    note = parse_note(NOTE)
    strangers = (
        Signature(ORIGIN, b"\0\0\0\0", b"junk"),
        Signature("stranger.example", note.signatures[0].key_id, b"junk"),
    )
    whole = Note(note.text, (*strangers, *note.signatures))
    assert verify_note(parse_policy(BOTH), whole).checkpoint == CHECKPOINT


@pytest.mark.parametrize("at", range(5))
def test_one_false_signature_of_a_known_key_refuses_the_whole(at):
    note = parse_note(cosigned(0, 1, 3))
    line = note.signatures[at]
    false = Signature(line.name, line.key_id, line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
    altered = Note(note.text, (*note.signatures[:at], false, *note.signatures[at + 1 :]))
    policy = parse_policy(QUORUM.replace("quorum all-of-them", "quorum none"))
    assert verify_note(policy, note)
    with pytest.raises(VerificationFailed):
        verify_note(policy, altered)


def test_a_key_that_signs_twice_is_refused():
    with pytest.raises(MalformedData, match="two signature lines"):
        verify_note(parse_policy(QUORUM), cosigned(0, 1, 3, 3))


def test_another_ledger_s_checkpoint_is_refused():
    other = Checkpoint("other.example", 300, b"\xab" * 32)
    whole = sign_checkpoint(other, LOG_KEY, PQ_KEY, TIME)
    with pytest.raises(VerificationFailed):
        verify_note(parse_policy(BOTH), whole)


def test_a_listed_log_cannot_sign_for_another_origin():
    second = SigningKey(b"9" * 32)
    policy = parse_policy(LOG_LINE + f"log {vkey('other.example', ED25519, second)}\nquorum none\n")
    text = CHECKPOINT.text
    note = Note(text, (sign_note(text, "other.example", second),))
    with pytest.raises(VerificationFailed):
        verify_note(policy, note)


def test_what_is_no_checkpoint_is_malformed():
    text = "hello\n"
    for note in ("", "x\n", format_note(Note(text, (sign_note(text, ORIGIN, LOG_KEY),)))):
        with pytest.raises(MalformedData):
            verify_note(parse_policy(BOTH), note)
