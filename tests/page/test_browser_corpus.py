"""The page's worker in real Chromium says of every file what the core says, the network cut."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.page import corpus
from tests.page.browser import Clerk, opened
from tests.page.files import Case
from tests.page.test_signatures import assert_as_the_core

BATCH = 100
SHARE = 12
"""One of so many parts of the corpus is asked here each time; all of it in the long run."""

WORKER = """() => {
  const code = document.getElementById("verifier").textContent;
  const worker = new Worker(URL.createObjectURL(new Blob([code])));
  const waiting = new Map();
  worker.onmessage = ({ data }) => {
    if ("progress" in data) return;
    waiting.get(data.id)(data);
    waiting.delete(data.id);
  };
  let last = 0;
  const ask = (question) => new Promise((resolve) => {
    waiting.set(++last, resolve);
    worker.postMessage({ id: last, question });
  });
  const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const exact = (value) => JSON.stringify(value,
    (_, each) => typeof each === "bigint" ? `\\0${each}\\0` : each)
    .replace(/"\\\\u0000(-?\\d+)\\\\u0000"/g, "$1");
  const verdict = async ({ file, trust, record, inspections, at }) => {
    const data = bytes(trust);
    const read = await ask({ ask: "trust", data });
    if (read.error) return { refused: `trust: ${read.error.code}`, detail: read.error.message };
    const asked = {
      file: new File([bytes(file)], "case"), record: record && new File([bytes(record)], "case.ers"),
      inspections: inspections === null ? null : new File([bytes(inspections)], "case.inspection"),
      others: [], trust: data, at: at === null ? null : Number(at), doubts: [], identity: null,
      passphrase: null,
    };
    const answer = await ask({ ask: "verify", asked });
    if (answer.error) return { refused: answer.error.code, detail: answer.error.message };
    // The page goes on without a damaged record, and says so.
    if (answer.answer.result.withoutInspections) return { refused: "malformed", detail: "" };
    const { file: _, ...found } = answer.answer.result.verdict;
    return found;
  };
  window.verdicts = async (cases) => exact(await Promise.all(cases.map(verdict)));
}"""


def test_equal_in_chromium(browser: Browser, place: Path) -> None:
    cases = [*corpus.golden(), *corpus.kept(), *corpus.inspected(), *corpus.changed(0, SHARE)]
    assert_equal(browser, place, cases)


def test_equal_in_chromium_where_implementations_of_ed25519_differ(
    browser: Browser, place: Path, edges: Path
) -> None:
    with opened(browser, place, bypass_csp=True) as clerk:
        clerk.page.add_script_tag(path=edges, type="module")
        clerk.page.wait_for_function("window.told")
        assert_as_the_core(clerk.page.evaluate("told()"))


@pytest.mark.soak
@pytest.mark.timeout(1_200)
def test_equal_in_chromium_on_2000_changed_files(browser: Browser, place: Path) -> None:
    assert assert_equal(browser, place, corpus.changed()) >= 2_000


def assert_equal(browser: Browser, place: Path, cases: Iterable[Case]) -> int:
    found = [*cases]
    with opened(browser, place, bypass_csp=True) as clerk:
        clerk.page.evaluate(WORKER)
        said = [
            each for n in range(0, len(found), BATCH) for each in told(clerk, found[n : n + BATCH])
        ]
    differing = [
        case.name
        for case, answer in zip(found, said, strict=True)
        if corpus.comparable(answer) != corpus.comparable(corpus.verdict(case))
    ]
    assert differing == []
    return len(found)


def told(clerk: Clerk, cases: list[Case]) -> list[dict[str, Any]]:
    def text(data: bytes | None) -> str | None:
        return None if data is None else base64.b64encode(data).decode()

    asked = [
        {
            "file": text(each.file),
            "trust": text(each.trust),
            "record": text(each.record),
            "inspections": text(each.inspections),
            "at": None if each.at is None else str(each.at),
        }
        for each in cases
    ]
    answered: list[dict[str, Any]] = json.loads(
        clerk.page.evaluate("(cases) => verdicts(cases)", asked)
    )
    return answered
