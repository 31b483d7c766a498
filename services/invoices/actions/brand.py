"""Put the seller's logo on a workspace's documents, or take it off."""

from services.invoices import messages
from services.invoices.models import Logo
from services.invoices.papers.logos import Image
from services.invoices.queries import known_logo
from shared import audit
from shared.caller import Caller
from shared.db import Database
from shared.errors import NotFound
from shared.versions import IfMatch


def put_logo(db: Database, caller: Caller, image: Image, expected: IfMatch) -> Logo:
    """Take the image as the logo of all documents from now on; letters that wait keep the one they were sent with.

    Raises:
        PreconditionFailed.
    """
    caller.check_everywhere()
    with db.write() as session:
        logo = known_logo(session, caller, lock=True)
        expected.check(logo.digest if logo else "")
        if logo is None:
            logo = Logo(workspace_id=caller.workspace_id)
            session.add(logo)
        elif logo.digest != image.digest:
            messages.keep_logo(session, logo)
        logo.kind, logo.data, logo.digest = image.kind, image.data, image.digest
        if session.is_modified(logo):
            audit.record(session, caller, "updated", logo)
        return logo


def remove_logo(db: Database, caller: Caller, expected: IfMatch) -> None:
    """Leave all documents from now on without a logo.

    Raises:
        NotFound: there is none.
        PreconditionFailed.
    """
    caller.check_everywhere()
    with db.write() as session:
        logo = known_logo(session, caller, lock=True)
        if logo is None:
            raise NotFound
        expected.check(logo.digest)
        messages.keep_logo(session, logo)
        audit.record(session, caller, "deleted", logo, {"kind": [logo.kind, None], "digest": [logo.digest, None]})
        session.delete(logo)
