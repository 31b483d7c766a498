"""An invoice as a document: the facts that it states, and the PDF that is drawn from them.

The facts are plain data, which a letter keeps as they were when it was sent. The same facts make the same bytes on
every machine: the fonts are typst's own and those of two packages, and never the system's.
"""

import json
import re
from base64 import b64encode
from datetime import UTC, date, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagesize
import structlog

from services.invoices import rules
from services.invoices.papers.press import Press, Unprintable
from services.invoices.papers.wording import about, figure, one_line, sums
from shared.money import Money

if TYPE_CHECKING:
    from services.invoices.models import Invoice, Item, Profile

Facts = dict[str, Any]
Picture = tuple[str, bytes]
"""A media type and the image's bytes."""

log = structlog.get_logger()

LAYOUTS, PAPER_SIZES = ("classic", "modern"), ("a4", "letter")

FOLDER = Path(__file__).with_name("layouts")

CJK = {"JPY": "JP", "KRW": "KR", "TWD": "TC", "HKD": "HK", "MOP": "HK"}
"""How Chinese characters are drawn where an invoice in this currency has them; elsewhere as on the mainland."""

SAID_ALOUD = frozenset({rules.DRAFT, rules.OVERDUE, rules.PAID, rules.CANCELLED})
"""What an invoice says of its status; `sent` is what every invoice is that arrives."""

LONGEST_NAME = 60
"""Characters; the longest of them take four bytes, and file systems take 255."""

RESERVED = frozenset('"#%*./:;<>?\\|')
"""What means something to a file system, or in a header."""

TRIAL = '#image(bytes(sys.inputs.logo), format: "svg") #image(bytes(json(bytes(sys.inputs.octets))))'

PLAIN = "plain"
"""The layout of what no other layout can be drawn of."""

LONGEST_LINE = 200
"""Characters of an item that the plain layout shows."""

READERS, PATIENT_READERS, LETTERS = Press(), Press(), Press()
"""Of this process: for who waits, for who waits for something long, and for what does not wait. Each is a lock until
its first document is drawn."""

LENGTHY = 32 * 1024
"""Bytes of facts that take a second or more to draw, for which the readers of short ones do not wait."""

_RUN = re.compile(r"\S{32}")
"""More letters in a row than a word has; of marks and conjuncts typst takes 127 as one syllable, and then fails."""

_KANA = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9d]")
_HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_IDEOGRAPH = re.compile(
    r"[\u2e80-\u303f\u3100-\u312f\u3190-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]"
)


def stated(invoice: "Invoice", profile: "Profile", logo: str | None, today: date) -> Facts:
    """What the invoice's document states on that day, ready for JSON. `logo`: its digest."""
    number, seller = one_line(invoice.number), one_line(profile.seller_name)
    status = invoice.shown(today)
    return {
        "file": file_name(invoice.number, invoice.uuid),
        "layout": profile.layout,
        "paper": profile.paper_size,
        "logo": logo,
        "title": " ".join(filter(None, ("Invoice", number, seller and f"from {seller}"))),
        "author": seller,
        "date": [invoice.issue_on.year, invoice.issue_on.month, invoice.issue_on.day],
        "status": status.upper() if status in SAID_ALOUD else "",
        "seller": _party(profile.seller_name, profile.seller_address, _tax_id(profile.seller_tax_id)),
        "client": _party(invoice.client_name, invoice.client_address),
        "about": about(invoice),
        "until": str(invoice.due_on or ""),
        "currency": invoice.currency,
        "items": [_item(item, invoice.currency) for item in invoice.items],
        "sums": [(name, figure(money.amount)) for name, money in sums(invoice)],
        "bank_details": profile.bank_details or "",
        "notes": invoice.notes or "",
    }


def file_name(number: str | None, invoice_id: str) -> str:
    """What the file is called: for its number, as far as any file system takes it, or else for its id."""
    kept = "".join(letter if letter.isprintable() and letter not in RESERVED else "-" for letter in number or "")
    return f"{kept[:LONGEST_NAME].strip(' -') or f'invoice-{invoice_id}'}.pdf"


def drawn(facts: Facts, logo: Picture | None = None, *, press: Press = READERS) -> bytes:
    """The PDF, in its layout or, where that fails or takes too long, in the plain one.

    It is PDF/A unless a letter is in none of the fonts: that is drawn as a box, and PDF/A forbids it.

    Raises:
        Unprintable: that fails too.
        Unavailable: others take too long.
    """
    try:
        return _drawn(facts, facts["layout"], {"logo": _framed(*logo)} if logo else {}, press)
    except Unprintable as why:
        log.warning("document.plain", file=facts["file"], why=str(why))
        return _drawn(_tame(facts), PLAIN, {}, press)


def for_reader(facts: Facts, logo: Picture | None = None) -> bytes:
    """The PDF for who waits for it. Raises what `drawn` does."""
    return drawn(facts, logo, press=PATIENT_READERS if len(json.dumps(facts)) > LENGTHY else READERS)


def _drawn(facts: Facts, layout: str, pictures: dict[str, str], press: Press) -> bytes:
    inputs = {"facts": json.dumps(facts | {"fonts": _fonts_for(facts)}), **pictures}
    year, month, day = facts["date"]
    issued = int(datetime(year, month, day, tzinfo=UTC).timestamp())
    sources = _sources(layout)
    return press.pdf({"sources": sources, "inputs": inputs, "timestamp": issued, "standards": [["a-3b"], []]})


def _tame(facts: Facts) -> Facts:
    """The same facts, with items of bounded length, and no run of letters without a place to break it."""
    items = [each | {"description": _shortened(each["description"])} for each in facts["items"]]
    tame: Facts = _broken(facts | {"items": items})
    return tame


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"


def _broken(said: Any) -> Any:
    match said:
        case str():
            return _RUN.sub("\\g<0>\u200b", said)
        case dict():
            return {name: _broken(each) for name, each in said.items()}
        case list() | tuple():
            return [_broken(each) for each in said]
    return said


def can_draw(kind: str, data: bytes) -> bool:
    """Whether an image can be drawn, as a document frames it and by itself: in its frame some faults go unnoticed."""
    inputs = {"logo": _framed(kind, data), "octets": json.dumps(list(data))}
    try:
        READERS.pdf({"sources": {"main.typ": TRIAL}, "inputs": inputs, "timestamp": 0, "standards": [[]]})
    except Unprintable:
        return False
    return True


def _party(name: str | None, *rest: str | None) -> dict[str, str]:
    return {"name": name or "", "rest": "\n".join(filter(None, rest))}


def _tax_id(tax_id: str | None) -> str | None:
    return f"Tax id: {tax_id}" if tax_id else None


def _item(item: "Item", currency: str) -> dict[str, str]:
    return {
        "description": item.description,
        "quantity": str(item.quantity),
        "unit_price": figure(item.unit_price(currency)),
        "amount": figure(Money(item.amount_minor, currency).amount),
    }


def _fonts_for(facts: Facts) -> list[str]:
    """What to look in for a letter that the layout's own font lacks, before all other fonts.

    The font of Chinese, Japanese and Korean is read as a whole once it is named, so only who needs it names it.
    """
    said = json.dumps(facts, ensure_ascii=False)
    if _KANA.search(said):
        return ["Noto Sans", "Noto Sans CJK JP"]
    if _HANGUL.search(said):
        return ["Noto Sans", "Noto Sans CJK KR"]
    if _IDEOGRAPH.search(said):
        return ["Noto Sans", f"Noto Sans CJK {CJK.get(facts['currency'], 'SC')}"]
    return ["Noto Sans"]


def _framed(kind: str, data: bytes) -> str:
    """An image as text, which is all that typst takes as input: in an SVG of its size."""
    width, height = imagesize.get(BytesIO(data))
    size = f'width="{width}" height="{height}"'
    link = f"data:{kind};base64,{b64encode(data).decode()}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><image {size} href="{link}"/></svg>'


@cache
def _sources(layout: str) -> dict[str, str]:
    return {"main.typ": (FOLDER / f"{layout}.typ").read_text(), "page.typ": (FOLDER / "page.typ").read_text()}
