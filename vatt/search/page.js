"use strict";
const by = (id) => document.getElementById(id);
const form = by("form"), text = by("text"), file = by("file"), drop = by("drop"), said = by("said");
let latest = 0;

function made(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function clock(seconds) {
  const tenths = Math.round(seconds * 10), hours = Math.floor(tenths / 36000);
  const minutes = String(Math.floor(tenths / 600) % 60), rest = ((tenths % 600) / 10).toFixed(1);
  return (hours ? `${hours}:${minutes.padStart(2, "0")}` : minutes) + `:${rest.padStart(4, "0")}`;
}

function say(words, isWrong) {
  said.textContent = words;
  said.className = isWrong ? "wrong" : "note";
}

function player(hit) {
  const name = hit.has_video ? "video" : "audio";
  const media = made(name, { controls: "", preload: "none", "aria-label": hit.file });
  if (hit.thumbnail) media.setAttribute("poster", hit.thumbnail);
  const part = hit.whole ? `${hit.whole}#t=${hit.start_seconds},${hit.end_seconds}` : hit.window;
  media.src = part;
  // What the browser can not decode is asked for once more, as a small MP4 of the window.
  media.addEventListener("error", () => {
    if (media.dataset.again) return;
    media.dataset.again = "yes";
    const wasAsked = !media.paused;
    media.src = hit.window;
    if (wasAsked) media.play().catch(() => {});
  });
  return media;
}

function numbers(hit) {
  const score = hit.score === null ? "-" : hit.score.toFixed(3);
  return hit.probability === null ? score : `${score} (${Math.round(100 * hit.probability)} %)`;
}

function card(hit, place) {
  const about = made("div", { class: "about" },
    made("b", {}, String(place + 1)),
    made("span", { class: "name" }, hit.file),
    made("span", {}, numbers(hit)),
    made("span", { class: "times" }, `${clock(hit.start_seconds)} to ${clock(hit.end_seconds)}`));
  const said = hit.caption ? [made("p", { class: "note" }, `“${hit.caption}”${hit.is_heard ? " (heard)" : ""}`)] : [];
  return made("li", { class: "hit" }, player(hit), about, ...said);
}

function show(answer) {
  const asked = { text: "the text", video: "the video of", audio: "the audio of" }[answer.modality];
  const notes = answer.notes.map((note) => ` Note: ${note}.`).join("");
  say(`Query: ${asked} “${answer.asked}”; the nearest ${answer.found_by} first.${notes}`, false);
  by("hits").replaceChildren(...answer.hits.map(card));
}

async function ask(upload) {
  const mine = ++latest, content = new FormData();
  if (upload) {
    content.append("file", upload, upload.name);
    content.append("modality", by("modality").value);
  } else content.append("text", text.value);
  for (const name of ["by", "count"]) content.append(name, by(name).value);
  if (by("one_per_file").checked) content.append("one_per_file", "on");
  say("Searching …", false);
  by("go").disabled = true;
  try {
    const response = await fetch("/search", { method: "POST", body: content });
    const answer = await response.json();
    if (mine !== latest) return;
    if (response.ok) show(answer);
    else { by("hits").replaceChildren(); say(answer.error, true); }
  } catch (error) {
    if (mine === latest) say("The server does not answer. Is it still running?", true);
  } finally {
    if (mine === latest) by("go").disabled = false;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (text.value.trim()) file.value = "";
  ask(text.value.trim() ? null : file.files[0]);
});
file.addEventListener("change", () => {
  if (!file.files.length) return;
  text.value = "";
  if (file.files[0].type.startsWith("audio/")) by("modality").value = "audio";
  ask(file.files[0]);
});
for (const name of ["modality", "by", "count", "one_per_file"]) {
  by(name).addEventListener("change", () => {
    if (text.value.trim() || file.files.length) ask(text.value.trim() ? null : file.files[0]);
  });
}
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
  });
}
document.addEventListener("drop", (event) => {
  if (!event.dataTransfer || !event.dataTransfer.files.length) return;
  file.files = event.dataTransfer.files;
  file.dispatchEvent(new Event("change"));
});
