from __future__ import annotations

from connector.settings import recurly_sites
from connector.sources.registry import read_processors as processors
from connector.sources.registry import sandbox_settings
from connector.webhooks import registry

from .recurly_deliveries import Settings

SECRETS = sandbox_settings("http://127.0.0.1:1", "127.0.0.1:1", "0123456789ABCDEF" * 4)


def test_every_source_is_registered_under_its_own_name() -> None:
    settings = {"recurly": Settings(("s3cret",), ("user:password",)), **processors(SECRETS, live=True)}
    for name, factory in registry.SOURCES.items():
        made = factory(settings[name])
        assert made
        assert made.name == name


def test_sites_without_a_secret_are_left_out() -> None:
    found = registry.configured(
        {("recurly", "acme"): Settings(("s3cret",)), ("recurly", "shut"): Settings(("",), (" ",))}
    )
    assert list(found) == [("recurly", "acme")]


def test_the_settings_of_a_site_are_what_the_source_reads() -> None:
    (site,) = recurly_sites({"RECURLY_SITE": "acme", "RECURLY_WEBHOOK_SECRETS": "new,old"}, ())
    assert list(registry.configured({("recurly", site.name): site})) == [("recurly", "acme")]
