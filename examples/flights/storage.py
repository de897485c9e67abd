"""Where the data goes: a local folder, or a bucket when `FLIGHTS_STORE=s3`.

`{"env": NAME}` is read when the store is opened, so that no credential stands in a configuration.
"""

import os
from typing import Any

LOCAL: dict[str, Any] = {
    "backend_type": "local",
    "backend_options": {"root": {"env": "FLIGHTS_FOLDER"}},
}

S3: dict[str, Any] = {
    "backend_type": "s3",
    "backend_options": {
        "bucket": {"env": "FLIGHTS_BUCKET"},
        "endpoint_url": {"env": "FLIGHTS_ENDPOINT"},
        "key": {"env": "FLIGHTS_KEY"},
        "secret": {"env": "FLIGHTS_SECRET"},
        "region_name": "us-east-1",
    },
}

STORE = S3 if os.environ.get("FLIGHTS_STORE") == "s3" else LOCAL
