"""Names, addresses and web sites that mean the same."""

from __future__ import annotations

import pytest

from connector.sync.linking import name_normalization


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rivera Books", "rivera books, Inc."),
        ("Rivera Books GmbH & Co. KG", "Rivera Books"),
        ("O'Reilly Media, L.L.C.", "OReilly Media"),
        ("Café Müller S.A.", "Cafe Muller"),
        ("Groß & Sohn", "Gross and Sohn Ltd"),
        ("Rivera-Books", "Rivera  Books Limited"),
    ],
)
def test_names_are_alike_but_for_case_punctuation_and_legal_form(one: str, other: str) -> None:
    assert name_normalization.of_company(one) == name_normalization.of_company(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [("Rivera Books", "Rivera Book"), ("Rivera Books East", "Rivera Books"), ("Inc Books", "Books Ltd")],
)
def test_other_names_are_not(one: str, other: str) -> None:
    assert name_normalization.of_company(one) != name_normalization.of_company(other)


@pytest.mark.parametrize(("name", "left"), [("Co", "co"), ("GmbH Inc", "gmbh"), (" .,- ", ""), (None, "")])
def test_a_name_never_loses_its_last_word(name: str | None, left: str) -> None:
    assert name_normalization.of_company(name) == left


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("Bob@Rivera.Example ", "rivera.example"),
        ("bob@gmail.com", None),
        ("bob@yahoo.co.uk", None),
        ("bob@gmx.net", None),
        ("bob", None),
        ("bob@localhost", None),
        ("bob@it's.example", None),
        ("bob@a b.example", None),
        ("@rivera.example", None),
        (None, None),
    ],
)
def test_a_domain_counts_if_it_says_whose_the_address_is(address: str | None, domain: str | None) -> None:
    assert name_normalization.domain(address) == domain


@pytest.mark.parametrize(
    ("site", "there"),
    [
        ("rivera.example", True),
        ("https://www.Rivera.example/shop?x=1", True),
        ("http://shop.rivera.example:8080", True),
        ("notrivera.example", False),
        ("https://other.example/rivera.example", False),
        ("http://[rivera.example", False),
        (None, False),
    ],
)
def test_a_web_site_is_at_its_domain_or_below(site: str | None, there: bool) -> None:
    assert name_normalization.is_of(site, "rivera.example") is there


def test_an_address_is_compared_without_case_and_none_is_made_of_nonsense() -> None:
    assert name_normalization.email(" Bob@Rivera.Example") == "bob@rivera.example"
    assert name_normalization.email("bob at rivera") is None
