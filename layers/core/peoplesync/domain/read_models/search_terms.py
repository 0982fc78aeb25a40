"""Search terms: by what beginnings a person is found - of an e-mail, of each word of a name, of a company's
domain, of an id by which the app knows them. Both sides fold case and accents the same way."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

from peoplesync.domain.people.person import Person

LEAST: Final = 3
"""Characters that one must know of what is sought: they are the partition of the search index."""

LONGEST: Final = 64
MOST: Final = 60
"""Of a term so many characters are kept, of a person so many terms: an agency has a customer for each of its
clients."""

PUBLIC_PROVIDERS: Final = frozenset(
    "aol.com att.net bluewin.ch btinternet.com comcast.net duck.com fastmail.com free.fr gmail.com "
    "gmx.at gmx.ch gmx.de gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.fr "
    "icloud.com laposte.net libero.it live.com mac.com mail.com mail.ru me.com msn.com naver.com orange.fr "
    "outlook.com outlook.de pm.me posteo.de proton.me protonmail.com qq.com rediffmail.com sbcglobal.net "
    "t-online.de tutanota.com verizon.net wanadoo.fr web.de yahoo.co.jp yahoo.co.uk yahoo.com yahoo.de "
    "yahoo.fr yandex.ru ymail.com zoho.com 126.com 163.com".split()
)
"""Domains of which half of one's people may be: to list those finds nobody."""


def folded(text: str) -> str:
    """Text as it is compared: without case and accents, one blank between words."""
    if text.isascii():  # most is, and has no accents to look for
        return " ".join(text.lower().split())
    plain = "".join(
        one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one)
    )
    return " ".join(plain.casefold().split())


def terms_of_person(person: Person) -> frozenset[str]:
    """The terms whose beginnings find a person."""
    return frozenset(sorted(set(_terms(person)))[:MOST])


def _terms(person: Person) -> Iterator[str]:
    emails = {folded(person.email or "")}
    names = {folded(str(person.fields.get("customer_name") or ""))}
    for record in person.records.values():
        if record.is_user:
            yield folded(record.id)[:LONGEST]
        emails.add(folded(record.email or ""))
        names.add(folded((record.facts["name"] or "") if record.facts else ""))
    for email in emails:
        yield from _long_enough(email)
        domain = email.rpartition("@")[2]
        if domain not in PUBLIC_PROVIDERS:
            yield from _long_enough(domain)
    for name in names:
        words = name.split()
        for place in range(len(words)):
            yield from _long_enough(" ".join(words[place:]))


def _long_enough(term: str) -> Iterator[str]:
    if len(term) >= LEAST:
        yield term[:LONGEST]


def matching(person: Person, sought: str) -> frozenset[str]:
    """The terms by which a person is found by what is sought, which is folded."""
    return frozenset(term for term in terms_of_person(person) if term.startswith(sought[:LONGEST]))
