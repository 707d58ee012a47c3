"""The one page of `neurond web`: a terminal, and words for when there is none. It loads nothing from elsewhere.

The token stays in the fragment and in this tab's memory; the address bar loses it at once.
"""

from typing import Final

PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>neurond</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/css/xterm.css">
<style>
  html, body { margin: 0; height: 100%; background: #0b0e14; color: #d7dde9; overflow: hidden; }
  body { font: 16px/1.5 "Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace; }
  .textual-terminal { position: absolute; inset: 0; visibility: hidden; }
  body.-first-byte .textual-terminal { visibility: visible; }
  #words { position: absolute; inset: 0; display: flex; flex-direction: column; gap: 1em; align-items: center;
           justify-content: center; text-align: center; padding: 2em; background: #0b0e14; }
  body.-first-byte #words { display: none; }
  body.-closed #words, body.-refused #words { display: flex; }
  button { font: inherit; color: #0b0e14; background: #5ad4c2; border: 0; padding: .4em 1.2em; cursor: pointer; }
  button[hidden] { display: none; }
</style>
</head>
<body>
<div id="terminal" class="textual-terminal" data-font-size="16"></div>
<div id="words"><div id="sentence">Opening the window …</div><button id="again" hidden>Open it again</button></div>
<noscript>This page needs JavaScript: the terminal is drawn by it.</noscript>
<script nonce="@NONCE@">
"use strict";
const KEY = "neurond-token";
const say = (words, again) => {
  document.getElementById("sentence").textContent = words;
  document.getElementById("again").hidden = !again;
};
const open_window = async () => {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname);
  }
  const refuse = words => { document.body.classList.add("-refused"); say(words, false); };
  const token = sessionStorage.getItem(KEY);
  if (!token) { refuse("Open the whole address that `neurond web` printed: its end is the key to this page."); return; }
  let answer;
  try { answer = await fetch("/ticket", { method: "POST", body: token }); }
  catch { refuse("The server is gone. Start it again with `neurond web`."); return; }
  const text = await answer.text();
  if (!answer.ok) { sessionStorage.removeItem(KEY); refuse(text); return; }
  document.getElementById("terminal").dataset.sessionWebsocketUrl = `ws://${location.host}/ws/${text}`;
  const script = document.createElement("script");
  script.src = "/static/js/textual.js";
  script.onload = () => window.onload(new Event("load"));
  document.body.append(script);
};
new MutationObserver(() => {
  if (document.body.classList.contains("-closed")) say("This window is closed. The node keeps running.", true);
}).observe(document.body, { attributes: true, attributeFilter: ["class"] });
document.getElementById("again").addEventListener("click", () => location.reload());
addEventListener("load", open_window);
addEventListener("hashchange", () => location.reload());
</script>
</body>
</html>
"""
