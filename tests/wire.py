"""Calls between services in one process."""

from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from werkzeug.test import EnvironBuilder, run_wsgi_app


class Wire(BaseAdapter):
    """Carries requests to a WSGI app in this process."""

    def __init__(self, app: Any) -> None:
        super().__init__()
        self.app = app

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        url = urlsplit(request.url or "")
        environ = EnvironBuilder(
            path=url.path,
            query_string=url.query,
            method=request.method or "GET",
            headers=request.headers.items(),
            data=request.body or b"",
        ).get_environ()
        chunks, status, headers = run_wsgi_app(self.app, environ, buffered=True)
        response = requests.Response()
        response.status_code = int(status.split()[0])
        response.headers = CaseInsensitiveDict(headers.items())
        response.raw = BytesIO(b"".join(chunks))
        response.request = request
        response.url = request.url or ""
        return response

    def close(self) -> None:
        """Nothing is open."""


class Via(BaseAdapter):
    """Carries requests by the wire that it is given, which may be another one later."""

    def __init__(self) -> None:
        super().__init__()
        self.wire: BaseAdapter = Wire(None)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        return self.wire.send(request, *args, **kwargs)

    def close(self) -> None:
        """Nothing is open."""
