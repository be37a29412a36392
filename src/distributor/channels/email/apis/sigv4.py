"""AWS Signature Version 4 (docs.aws.amazon.com/IAM, "Create a signed AWS API request")."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An access key, and the service of a region that it is used for."""

    key_id: str
    secret: str = field(repr=False)
    region: str
    service: str


def sign_post(url: str, headers: Mapping[str, str], body: bytes, *, account: Account, at: datetime) -> dict[str, str]:
    """The header fields of a POST to `url`, which has no query: `headers`, the time and the signature.

    Signed are all of them, the host and the body. Amazon refuses what is signed more than 5 minutes before or after.
    """
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed |= {"host": parts.netloc, "x-amz-date": stamp}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        (
            "POST",
            quote(parts.path or "/", safe="/-_.~"),
            "",
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{stamp[:8]}/{account.region}/{account.service}/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.digest(_key_of_the_day(account, stamp[:8]), text.encode(), "sha256").hex()
    authorization = f"{_ALGORITHM} Credential={account.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "X-Amz-Date": stamp, "Authorization": authorization}


def _key_of_the_day(account: Account, day: str) -> bytes:
    key = f"AWS4{account.secret}".encode()
    for part in (day, account.region, account.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
