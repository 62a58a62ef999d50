"""Compare two names, addresses or web sites in normalized form. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

FREE_MAIL: Final = frozenset(
    {
        "126.com", "163.com", "aol.com", "att.net", "bellsouth.net", "bluewin.ch", "btinternet.com",
        "comcast.net", "cox.net", "duck.com", "fastmail.com", "free.fr", "freenet.de", "gmail.com",
        "googlemail.com", "hey.com", "icloud.com", "laposte.net", "libero.it", "live.com", "mac.com",
        "mail.com", "mail.ru", "me.com", "msn.com", "naver.com", "orange.fr", "pm.me", "proton.me",
        "protonmail.com", "qq.com", "rediffmail.com", "rocketmail.com", "sbcglobal.net", "sky.com",
        "t-online.de", "telenet.be", "tutanota.com", "verizon.net", "virginmedia.com", "wanadoo.fr",
        "web.de", "xs4all.nl", "ymail.com", "zoho.com"
    }
)  # fmt: skip
"""Domains that say nothing of whose address it is."""
_FREE_IN_MANY_COUNTRIES: Final = frozenset({"gmx", "hotmail", "live", "outlook", "yahoo", "yandex"})

_LEGAL_FORMS: Final = frozenset(
    {
        "ab", "ag", "aps", "as", "asa", "bv", "co", "company", "corp", "corporation", "eg", "ek", "eu",
        "eurl", "gbr", "gesmbh", "gmbh", "inc", "incorporated", "kft", "kg", "kgaa", "kk", "lda", "limited",
        "llc", "llp", "lp", "ltd", "ltda", "mbh", "nv", "ohg", "oy", "oyj", "plc", "pllc", "pte", "pty",
        "pvt", "sa", "sarl", "sas", "sasu", "sca", "scs", "se", "sl", "slu", "snc", "sp", "spa", "spk",
        "srl", "sro", "ug", "und", "zoo"
    }
)  # fmt: skip
_JOINING: Final = frozenset({"and", "und", "et", "y", "e"})
_JOINED: Final = re.compile(r"[.'’`´]")
_WORDS: Final = re.compile(r"[^\W_]+")
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")


def plain(value: str | None) -> str:
    """As Salesforce compares text: without regard to case, and here to what surrounds it."""
    return (value or "").strip().casefold()


def of_company(name: str | None) -> str:
    """What is left of a company's name without case, accents, punctuation and legal form; nothing where it has no
    letter."""
    folded = unicodedata.normalize("NFKD", (name or "").replace("ß", "ss").replace("&", " and ")).casefold()
    letters = "".join(char for char in _JOINED.sub("", folded) if not unicodedata.combining(char))
    words = _WORDS.findall(letters)
    kept = list(words)
    while len(kept) > 1 and (kept[-1] in _LEGAL_FORMS or kept[-1] in _JOINING):
        kept.pop()
    return "".join(kept)


def email(value: str | None) -> str | None:
    """An address as it is compared; None for what is none."""
    mailbox, at, domain = plain(value).rpartition("@")
    return (
        f"{mailbox}@{domain}"
        if mailbox and at and domain and not re.search(r"\s", mailbox + domain)
        else None
    )


def domain(address: str | None) -> str | None:
    """The domain of an address, if it says whose that is."""
    found = (email(address) or "").rpartition("@")[2]
    if not _HOST.fullmatch(found) or found in FREE_MAIL:
        return None
    return None if found.partition(".")[0] in _FREE_IN_MANY_COUNTRIES else found


def is_of(website: str | None, domain_: str) -> bool:
    """Whether a web site is at this domain or below it."""
    host = _host(website)
    return host == domain_ or host.endswith(f".{domain_}")


def _host(website: str | None) -> str:
    address = plain(website)
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname
    except ValueError:
        return ""
    return (host or "").removeprefix("www.")
