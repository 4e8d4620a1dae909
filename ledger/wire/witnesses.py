"""What a witness shows of a log: one GET, bounded in time and size, without redirects."""

import httpx2

from ledger.chain.witnessing import MAX_BODY, checkpoint_path
from ledger.errors import InvalidInput, NotFound, Unavailable
from ledger.quoted import quoted
from ledger.wire.deadlines import Deadline, http_client, read_limited, within

PATIENCE = 5.0
"""Seconds for an answer, besides what its bytes earn (`deadlines`)."""


def newest_cosigned(url: str, origin: str, patience: float = PATIENCE) -> bytes:
    """Return the newest note that the witness at an address shows of a log; unverified.

    Raises NotFound where it has none, and Unavailable.
    """
    try:
        deadline = Deadline(patience)
        with (
            within(deadline),
            http_client(url, patience) as http,
            http.stream("GET", url + checkpoint_path(origin)) as answer,
        ):
            if answer.status_code == 404:
                raise NotFound(f"The witness at {quoted(url)} has cosigned nothing of this ledger.")
            if answer.status_code != 200:
                raise Unavailable(
                    f"The witness at {quoted(url)} answers with status {answer.status_code}; redirects "
                    "are not followed."
                )
            data = b"".join(read_limited(answer, MAX_BODY, deadline))
    except (httpx2.HTTPError, httpx2.InvalidURL, InvalidInput, OSError, ValueError) as error:
        raise Unavailable(
            f"The witness at {quoted(url)} cannot be asked: {quoted(error)}."
        ) from error
    if len(data) > MAX_BODY:
        raise Unavailable(f"The witness at {quoted(url)} answers with over {MAX_BODY:,} bytes.")
    return data
