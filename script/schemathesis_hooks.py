"""Replaces each valid Idempotency-Key by a new one. Many generated keys are equal, and the server rightly refuses a used key
with another message."""

import re
import uuid

import schemathesis


@schemathesis.hook
def map_headers(context, headers):
    if headers and re.fullmatch("[!-~]{1,128}", str(headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = str(uuid.uuid4())
    return headers
