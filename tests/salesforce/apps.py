"""The Lightning app: its tabs, and the record pages it shows in place of the org's own."""

from __future__ import annotations

from collections import Counter

from lxml import etree

from . import standard
from .folder import Component, Folder, text
from .names import Complaints, absent

FORM_FACTOR = "Large"
"""The pages are made for a desktop; a phone shows the org's own."""


def apps(folder: Folder) -> Complaints:
    """An app of ours never says which page a profile sees: profiles belong to the org."""
    pages = {c.name: c for c in folder.of("FlexiPage")}
    for c in folder.of("CustomApplication"):
        yield from _tabs(folder, c)
        for override in c.each("actionOverrides"):
            yield from _override(c, override, pages)
        shown = [text(o, "content") for o in c.each("actionOverrides")]
        yield from (f"{c.name}: page {name} is shown nowhere" for name in sorted(set(pages) - set(shown)))
        if c.each("profileActionOverrides"):
            yield f"{c.name}: names a profile"


def _tabs(folder: Folder, app: Component) -> Complaints:
    tabs = app.all("tabs")
    yield from absent(app, tabs, folder.names("CustomTab") | standard.TABS, "tab")
    yield from (f"{app.name}: tab {n} stands twice" for n, count in Counter(tabs).items() if count > 1)
    if app.text("defaultLandingTab") not in tabs:
        yield f"{app.name}: opens with {app.text('defaultLandingTab')}, which is no tab of it"
    if (app.text("uiType"), app.text("navType")) != ("Lightning", "Standard"):
        yield f"{app.name}: not a Lightning app"


def _override(app: Component, override: etree._Element, pages: dict[str, Component]) -> Complaints:
    page = pages.get(text(override, "content"))
    if page is None:
        yield f"{app.name}: page {text(override, 'content')} does not exist"
    elif page.text("sobjectType") != text(override, "pageOrSobjectType"):
        yield f"{app.name}: shows {page.name} for {text(override, 'pageOrSobjectType')}"
    how = (text(override, "actionName"), text(override, "type"), text(override, "formFactor"))
    if how != ("View", "Flexipage", FORM_FACTOR):
        yield f"{app.name}: {how} is not how a record page is shown"
