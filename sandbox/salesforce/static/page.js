// Asks for the page's fragment every two seconds and swaps it in, unless someone is filling in a form.
"use strict";
const live = document.getElementById("live");
let shown = live.innerHTML;

async function refresh() {
  const busy = live.contains(document.activeElement) && document.activeElement.matches("select, button");
  if (document.hidden || busy || !getSelection().isCollapsed) return;
  const address = new URL(location.href);
  address.searchParams.set("fragment", "1");
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok) return;
  const text = await answer.text();
  if (text === shown) return;
  shown = text;
  live.innerHTML = text;
}

setInterval(() => refresh().catch(() => undefined), 2000);
