"""What schemathesis loads: whether an answer has a status that the description names.

Its own check of that takes each answer for one of the operation that was meant. A path parameter may vanish on the way
(`.`, and what a URL drops), and another operation answers.
"""

import re
from urllib.parse import urlsplit

import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.specs.openapi.checks import status_code_conformance


@schemathesis.check
def status_is_described(context: CheckContext, response: Response, case: Case) -> bool | None:
    """Fails when it has none."""
    meant = re.sub(r"\\\{[^{}]*\\\}", "[^/]+", re.escape(case.operation.path))
    if not re.fullmatch(meant, urlsplit(str(response.request.url)).path):
        return None
    return status_code_conformance(context, response, case)
