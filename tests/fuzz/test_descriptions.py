"""Schemathesis reads the four descriptions and calls what they describe, rightly and wrongly, in orders of its own.

No answer is a fault of ours, none has a status that its description does not name, and each body and header is as its
schema says. `FUZZ_SECONDS` is how long each dialect has; `FUZZ_SEED` repeats a run as far as the answers are the same.
"""

import os
import random
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import pytest

from shared.dialects import DIALECTS
from tests.product import Product

HERE = Path(__file__).parent
SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))

CHECKS = (
    "not_a_server_error",
    "status_is_described",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
"""What is told from the answer alone. Whether a wrong request is refused is told by its schema."""


@pytest.mark.parametrize(
    ("shared_product", "name"),
    [
        pytest.param(backend, dialect.name, id=f"shared-{backend}-{dialect.name}")
        for backend, dialect in zip(cycle(("postgresql", "sqlite")), DIALECTS, strict=False)
    ],
    indirect=["shared_product"],
    scope="session",
)
def test_whatever_is_asked_the_answer_is_one_that_is_described(product: Product, name: str, tmp_path: Path) -> None:
    seed = os.environ.get("FUZZ_SEED") or str(random.randrange(2**32))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{product.url}/openapi/{name}.json"),
        *("--header", f"Authorization: Bearer {product.key}", "--checks", ",".join(CHECKS), "--seed", seed),
        *("--max-time", str(SECONDS), "--request-timeout", "60", "--continue-on-failure", "--no-color"),
        *("--suppress-health-check", "all", "--warnings", "off"),
    ]
    told = os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "described.py")}
    run = subprocess.run(
        command, cwd=tmp_path, env=told, capture_output=True, text=True, timeout=SECONDS * 5 + 300, check=False
    )
    assert run.returncode == 0, f"FUZZ_SEED={seed}\n{run.stdout}\n{run.stderr}"
    assert " passed" in run.stdout  # it did call something
