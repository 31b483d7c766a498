"""An invoice drawn as a PDF: any text in any script, any length, and always the same bytes."""

import hashlib
import threading
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from services.invoices import rules
from services.invoices.models import Invoice, Item, Profile
from services.invoices.papers import document, press
from services.invoices.papers.document import LAYOUTS, Facts, drawn, file_name, stated
from services.invoices.rules import Line
from shared.errors import Unavailable
from tests.service.invoices.pictures import JPEG, png

SOURCES = document._sources
BROKEN = {"main.typ": "#panic()"}
TODAY = date(2026, 3, 1)
HOSTILE = (
    *("#panic()", "*bold* _it_ `raw` $x^2$", "\\", '"', "'", "@ref <label>", "= Title", "// no", "/* no */", "#sys"),
    *('"); #panic("', "{{}}", "\\u{1F600}", "\n\n\n", "\t", "</svg>", "&amp; <b>", "%PDF", "]", "~", "--- ..."),
)


def item(description: str, quantity: int = 1, price: int = 10_000_000, currency: str = "USD") -> Item:
    amount = Line(description, quantity, price).amount(currency).minor
    return Item(description=description, quantity=quantity, price_micros=price, amount_minor=amount)


def facts(profile: dict[str, Any] | None = None, items: tuple[Item, ...] = (), **said: Any) -> Facts:
    """What a document states of an invoice over nothing, but for what is given."""
    zero = dict.fromkeys(("subtotal_minor", "tax_minor", "total_minor", "paid_minor"), 0)
    invoice = Invoice(
        **{"uuid": "u", "issue_on": TODAY, "lifecycle": rules.SENT, "currency": "USD"} | zero | said,
    )
    invoice.items = list(items)
    return stated(invoice, Profile(**{"paper_size": "a4", "layout": "classic"} | (profile or {})), None, TODAY)


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(pdf), strict=True).pages]


def fonts(pdf: bytes) -> set[str]:
    """The fonts of the first page, without the tags of their subsets."""
    found = PdfReader(BytesIO(pdf)).pages[0]["/Resources"]["/Font"].values()
    return {font.get_object()["/BaseFont"].partition("+")[2].partition("-")[0] for font in found}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_long_invoice_flows_over_pages_and_each_has_the_heading_and_its_number(layout: str) -> None:
    lines = tuple(item(f"Item {number}") for number in range(200))
    said = pages(drawn(facts({"layout": layout}, lines)))
    assert len(said) > 3
    for number, page in enumerate(said, 1):
        assert ("Description Quantity Unit price Amount, USD" in page) == ("Item" in page)
        assert f"Page {number} of {len(said)}" in page
    assert [f"Item {number} 1 10.00 10.00" in "\n".join(said) for number in range(200)] == [True] * 200
    assert "Amount due" in said[-1]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_longest_texts_and_figures_stay_on_the_paper(layout: str) -> None:
    long = {"name": "n" * 255, "text": "t" * 2000, "words": "word " * 2000}
    said = facts(
        {
            "layout": layout,
            "seller_name": long["name"],
            "seller_address": long["text"],
            "bank_details": long["text"],
        },
        (item(long["text"]), item("dear", 1_000_000, 9_999_999_990_000), item("w " * 1000)),
        number=long["name"],
        client_name=long["name"],
        client_address=long["text"],
        notes=long["words"],
        total_minor=10**15 - 1,
    )
    reader = PdfReader(BytesIO(drawn(said)))
    for page in reader.pages:
        edges: list[float] = []
        page.extract_text(visitor_text=lambda _text, _cm, tm, _font, _size, edges=edges: edges.append(tm[4]))
        assert max(edges) < float(page.mediabox.width)
    text = "".join(page.extract_text() for page in reader.pages)
    assert "9,999,999,999,999.99" in text
    assert text.count("t") > 6000


def test_nothing_at_all_is_still_a_page() -> None:
    (page,) = pages(drawn(facts()))
    assert page.splitlines()[0] == "Invoice"
    assert "Amount due USD 0.00" in page
    for absent in ("Description", "To\n", "Number", "Payment details", "Notes"):
        assert absent not in page


def test_figures_of_different_decimals_are_lined_up_by_their_points() -> None:
    lines = (item("a", price=1_500_000), item("b", price=125), item("c", price=1_000_000))
    places: dict[str, float] = {}

    def note(text: str, _cm: Any, tm: Any, _font: Any, _size: Any) -> None:
        places[text.strip()] = tm[4]

    PdfReader(BytesIO(drawn(facts(items=lines)))).pages[0].extract_text(visitor_text=note)
    assert {"1.50", "0.000125", "1.00"} <= places.keys()
    assert len({round(places[figure], 1) for figure in ("1.50", "0.000125", "1.00")}) == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_text_is_read_as_typst(layout: str) -> None:
    for text in HOSTILE:
        said = facts(
            {"layout": layout, "seller_name": text, "seller_address": text, "bank_details": text},
            (item(text),),
            number=text,
            client_name=text,
            client_address=text,
            notes=text,
        )
        (page,) = pages(drawn(said))
        shown = "".join(text.split())
        assert "".join(page.split()).count(shown) >= (7 if shown else 0), text


@pytest.mark.parametrize(
    ("text", "font"),
    [
        ("Ελληνικά Кириллица", "LibertinusSerif"),
        ("שלום", "LibertinusSerif"),
        ("شركة النور", "NotoSansArabic"),
        ("हिन्दी", "NotoSansDevanagari"),
        ("বাংলা", "NotoSansBengali"),
        ("தமிழ்", "NotoSansTamil"),
        ("ภาษาไทย", "NotoSansThai"),
        ("ქართული", "NotoSansGeorgian"),
        ("Հայերեն", "NotoSansArmenian"),
        ("አማርኛ", "NotoSansEthiopic"),
        ("😀", "NotoEmoji"),
        ("中文", "NotoSansCJKsc"),
        ("東京タワー", "NotoSansCJKjp"),
        ("한국", "NotoSansCJKkr"),
    ],
)
def test_every_script_has_a_font_of_ours(text: str, font: str) -> None:
    pdf = drawn(facts(client_name=text))
    assert font in fonts(pdf), fonts(pdf)
    assert b"pdfaid:part" in pdf


@pytest.mark.parametrize(("currency", "font"), [("USD", "sc"), ("TWD", "tc"), ("HKD", "hk"), ("JPY", "jp")])
def test_the_currency_says_how_a_chinese_character_is_drawn(currency: str, font: str) -> None:
    assert f"NotoSansCJK{font}" in fonts(drawn(facts(client_name="直", currency=currency)))


@pytest.mark.parametrize("letter", ["\U00013000", "\ufffe", "\u0378", "\U0010fffd", "\ufdd0"])
def test_a_letter_that_no_font_has_is_a_box_and_does_not_vanish(letter: str) -> None:
    said = facts(client_name=f"a{letter}b")
    pdf = drawn(said)
    assert b"pdfaid:part" not in pdf  # PDF/A forbids the box
    (page,) = pages(pdf)
    assert "ab" not in page


def test_what_it_is_about_stands_in_its_properties() -> None:
    said = facts({"seller_name": "Müller & Söhne"}, number="A\nB", issue_on=date(2024, 2, 29))
    reader = PdfReader(BytesIO(drawn(said)))
    about = reader.metadata
    assert about
    assert (about.title, about.author) == ("Invoice A B from Müller & Söhne", "Müller & Söhne")
    assert about.creation_date
    assert about.creation_date.date() == date(2024, 2, 29)
    root = reader.trailer["/Root"]
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"]) == ("en", True)


@pytest.mark.parametrize("day", [date.min, date(1969, 12, 31), date.max])
def test_any_day_can_be_its_date(day: date) -> None:
    assert str(day) in pages(drawn(facts(issue_on=day, due_on=day)))[0]


@pytest.mark.parametrize("image", [("image/png", png()), ("image/jpeg", JPEG), ("image/png", png(2000, 20))])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_logo_is_drawn_in_any_layout(layout: str, image: tuple[str, bytes]) -> None:
    pdf = drawn(facts({"layout": layout}), image)
    assert len(PdfReader(BytesIO(pdf)).pages[0].images) == 1
    assert b"pdfaid:part" in pdf


def test_what_cannot_be_drawn_is_no_logo() -> None:
    assert document.can_draw("image/png", png())
    assert not document.can_draw("image/png", png()[:-20])


def test_eight_at_once_draw_what_one_draws() -> None:
    wanted = [facts(client_name=f"Client {number}", items=(item("work", number + 1),)) for number in range(8)]
    alone = [drawn(each) for each in wanted]
    got: dict[int, bytes] = {}

    def draw(number: int) -> None:
        for _ in range(3):
            got[number] = drawn(wanted[number])

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [got[number] for number in range(8)] == alone


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("syllable", ["क्", "र्", "ि", "े", "ு"])
def test_a_syllable_without_end_is_drawn(syllable: str, layout: str) -> None:
    said = facts({"layout": layout}, (item(syllable * 999),), notes=syllable * 999, client_name="Acme", number="A")
    text = "\n".join(pages(drawn(said)))
    assert "Acme" in text
    assert "10.00" in text


def test_what_no_layout_can_draw_is_drawn_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (item("clean the windows " * 20), item("रोज़ " * 20))
    said = facts({"layout": "classic", "seller_name": "Example"}, lines, number="A", notes="x" * 500, due_on=TODAY)
    monkeypatch.setattr(document, "_sources", lambda layout: SOURCES(layout) | ({} if layout == "plain" else BROKEN))
    text = "\n".join(pages(drawn(said)))
    for word in ("From", "Example", "Number: A", "clean the windows", "…", "= 10.00 USD", "Amount due: 0.00"):
        assert word in text
    assert text.replace("\n", "").count("x" * 500) == 1


def test_one_too_large_for_the_memory_is_drawn_plainly() -> None:
    lines = tuple(item("فاتورة جديدة " * 150) for _ in range(1000))
    last = PdfReader(BytesIO(drawn(facts(items=lines, notes="The end")))).pages[-1].extract_text()
    assert "Amount due: 0.00 USD" in last
    assert "The end" in last


def test_letters_do_not_wait_for_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "WAIT", 0.1)
    wanted = facts(number="which no other test has had drawn, so that it is not kept")
    with document.READERS._mine():
        assert drawn(wanted, press=document.LETTERS).startswith(b"%PDF")
        with pytest.raises(Unavailable):
            drawn(wanted)


def test_the_bytes_are_the_same_in_every_process() -> None:
    said = facts({"seller_name": "Ärzte & 東京"}, (item("work"),), number="A")
    digests = set()
    for _ in range(2):
        digests.add(hashlib.sha256(drawn(said)).hexdigest())
        document.READERS.end()
    assert len(digests) == 1


anything = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=40)
"""Whatever the API takes as text."""


@given(st.lists(anything, min_size=9, max_size=9), st.sampled_from(LAYOUTS), st.sampled_from(["a4", "letter"]))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_text_in_any_field_is_drawn(said: list[str], layout: str, paper: str) -> None:
    number, client, address, notes, seller, seat, tax, bank, work = said
    profile = {"layout": layout, "paper_size": paper, "seller_name": seller, "seller_address": seat}
    profile |= {"seller_tax_id": tax, "bank_details": bank}
    lines = (item(work),)
    wanted = facts(profile, lines, number=number, client_name=client, client_address=address, notes=notes)
    pdf = drawn(wanted)
    assert pages(pdf)
    assert drawn(wanted) == pdf


@given(anything)
def test_a_file_name_is_one_that_any_file_system_takes(number: str) -> None:
    name = file_name(number, "u")
    assert name.endswith(".pdf")
    assert name.isprintable()
    assert not set(name.removesuffix(".pdf")) & document.RESERVED
    assert 4 < len(name.encode()) < 256


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("INV-2026-0001", "INV-2026-0001.pdf"),
        ("../../etc/passwd", "etc-passwd.pdf"),
        ('a"b\\c\r\nd', "a-b-c--d.pdf"),
        ("2026/7", "2026-7.pdf"),
        ("...", "invoice-u.pdf"),
        ("", "invoice-u.pdf"),
        (None, "invoice-u.pdf"),
        ("a\u202eb", "a-b.pdf"),
        ("發票 7", "發票 7.pdf"),
    ],
)
def test_a_file_is_named_for_its_invoice(number: str | None, name: str) -> None:
    assert file_name(number, "u") == name
