"""Of the Idempotency-Keys that are made up, many are the same, and a used key with another message is rightly refused: a
key that keeps to the rules is replaced by one that nobody has used."""

import re
import uuid

import schemathesis


@schemathesis.hook
def map_headers(context, headers):
    if headers and re.fullmatch("[!-~]{1,128}", str(headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = str(uuid.uuid4())
    return headers
