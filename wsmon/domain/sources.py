"""Where settings come from, by name: what is read is read elsewhere."""

from __future__ import annotations

FILE_NAME = "wsmon.toml"
PREFIX = "WSMON_"
# AWS's own variables, least to most particular, and what they set here.
AWS_VARIABLES = (
    ("AWS_DEFAULT_REGION", "region"),
    ("AWS_REGION", "region"),
    ("AWS_PROFILE", "profile"),
    ("AWS_ENDPOINT_URL", "endpoint_url"),
    ("AWS_ENDPOINT_URL_DYNAMODB", "endpoint_url"),
)
