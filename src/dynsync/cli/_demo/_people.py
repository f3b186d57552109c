"""The people of the story: the same in every run, and as awkward as people's data is. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from dynsync.records import Wire

__all__ = [
    "CONTACTS",
    "KNOWN",
    "LEADS",
    "NEWCOMERS",
    "contacts",
    "known_people",
    "leads",
    "newcomers",
]

Values: TypeAlias = dict[str, Wire]

CONTACTS: Final = 180
LEADS: Final = 140
NEWCOMERS: Final = 20
"""People that only Marketo knows; they stay there until somebody sends one over."""

KNOWN: Final = 10
"""People that both systems know before the first load, without knowing that they do."""

_SHARED: Final = 5
"""Every so many people, two share an e-mail address."""

_NAMES: Final = (
    *(("Zoë", "Müller"), ("Søren", "Ångström"), ("Łukasz", "Żółć"), ("Chloé", "d'Aubigné")),
    *(("José", "Núñez"), ("Đorđe", "Šarić"), ("Ngọc Ánh", "Nguyễn"), ("İrem", "Şahin")),
    *(
        ("Siobhán", "Ó Briain"),
        ("Jürgen", "Groß"),
        ("Ana-Maria", "Țîrlea"),
        ("Björk", "Þórsdóttir"),
    ),
    *(("山田", "太郎"), ("小明", "王"), ("민준", "김"), ("Дмитрий", "Щербаков")),
    *(("Ελένη", "Παπαδοπούλου"), ("محمد", "الفاسي"), ("שרה", "כהן"), ("आरव", "शर्मा")),
    *(("สมชาย", "ใจดี"), ("თამარ", "გელაშვილი"), ("Արամ", "Խաչատրյան"), ("Оксана", "Їжак")),
    *(("Mary", "Smith"), ("X Æ", "Null"), ("Wolfeschlegelsteinhausenbergerdorff", "Senior-Lang")),
)
_CITIES: Final = (
    *(("Zürich", "Schweiz"), ("København", "Danmark"), ("Łódź", "Polska"), ("São Paulo", "Brasil")),
    *(("東京都", "日本"), ("서울", "대한민국"), ("Санкт-Петербург", "Россия"), ("Αθήνα", "Ελλάδα")),
    *(("القاهرة", "مصر"), ("Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch", "Cymru")),
)
_TITLES: Final = ("Einkäuferin", "Head of R&D", "Ingénieur", "部長", "CEO", "Büroleitung", None)
_COMPANIES: Final = (
    "Ærø Skibsværft",
    "Müller & Söhne GmbH",
    "株式会社山田",
    "O'Neill Ltd",
    "Ñandú",
)
_NOTE: Final = "Spoke at length about the roll-out: naïve questions, good budget. ☕️ "


def _email(number: int, domain: str) -> str:
    # Every fifth shares its address with the one before: families, offices, info@.
    own = number - 1 if number % _SHARED == _SHARED - 1 else number
    return f"person{own:03}@{domain}.example"


def _person(number: int) -> Values:
    first, last = _NAMES[number % len(_NAMES)]
    city, country = _CITIES[number % len(_CITIES)]
    long = number % 17 == 0
    return {
        "firstname": first,
        "lastname": f"{last} {number}" if long else last,
        "jobtitle": _TITLES[number % len(_TITLES)],
        "telephone1": f"+{30 + number % 60} {number:03} 55 01 {number % 97:02}",
        "address1_line1": f"{city}straße {number}, 3. étage" if long else f"{number} {city} Rd",
        "address1_city": city,
        "address1_country": country,
        "description": f"№ {number}. {_NOTE * 24}".strip() if long else None,
        "donotbulkemail": number % 11 == 0,
    }


def contacts() -> Iterator[Values]:
    """Yield what Dynamics holds of its contacts, in its own names."""
    for number in range(CONTACTS):
        yield {**_person(number), "emailaddress1": _email(number, "contact")}


def leads() -> Iterator[Values]:
    """Yield what Dynamics holds of its leads."""
    for number in range(LEADS):
        yield {
            **_person(number + 7),
            "emailaddress1": _email(number, "lead"),
            "companyname": _COMPANIES[number % len(_COMPANIES)],
            "subject": f"Anfrage № {number}",
            "leadsourcecode": number % 10 + 1,
            "revenue": 1000.5 * number,
        }


def newcomers() -> Iterator[Values]:
    """Yield the people that only Marketo knows, in its own names."""
    for number in range(NEWCOMERS):
        first, last = _NAMES[-1 - number % len(_NAMES)]
        yield {
            "firstName": first,
            "lastName": last,
            "email": f"newcomer{number:02}@web.example",
            "company": _COMPANIES[number % len(_COMPANIES)],
        }


def known_people() -> Iterator[Values]:
    """Yield people of Marketo that are contacts in Dynamics, too, known by their address."""
    # None of those whose address another contact shares: two contacts and one person are
    # for somebody to look at, and no sync should guess.
    for number in range(0, _SHARED * KNOWN, _SHARED):
        first, last = _NAMES[number % len(_NAMES)]
        yield {"firstName": first, "lastName": last, "email": _email(number, "contact").upper()}
