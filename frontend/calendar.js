// The calendar: a campaign is dragged to another day. The form behind "Move…" does the same without it, by keyboard
// and on a phone; both send the same request.
//
// <div id="calendar" data-calendar data-view data-from …>     what is replaced; its data are those of the form
//   <… data-day="2026-12-01">                                 a day to which something can be moved
//   <… data-dispatch="7" data-version="3" data-companions="1">  what can be moved: the version of its campaign, and
//                                                             how many of its channels could move along
//   <… data-calendar-problem hidden><p></p></…>               where it says why something was not moved
// <dialog id="move-scope">                                    asks whether the others move along: one, all or neither
//
// The time of day stays, by the clocks of the team: the server works out what that is on the other day. What is refused
// goes back to where it was.
import { announce } from "./behaviours/announce.js";
import { attach } from "./behaviours/attach.js";

const PLACE = ["view", "from", "channel", "state", "q"];
let dragged = null;

const calendar = () => document.querySelector("[data-calendar]");

document.addEventListener("dragstart", (event) => {
  const tile = event.target.closest?.("[data-dispatch]");
  if (!tile) return;
  dragged = tile;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", tile.querySelector("strong")?.textContent ?? "");
  tile.classList.add("is-dragged");
});

document.addEventListener("dragend", () => {
  dragged?.classList.remove("is-dragged");
  aim(null);
  dragged = null;
});

document.addEventListener("dragover", (event) => {
  const day = dayAt(event);
  aim(day);
  if (day) event.preventDefault();
});

document.addEventListener("drop", (event) => {
  const day = dayAt(event);
  if (!day) return;
  event.preventDefault();
  drop(dragged, day);
});

// Links inside a tile are not dragged by themselves; the tile is.
attach("[data-dispatch]", (tile) => {
  tile.draggable = true;
  for (const link of tile.querySelectorAll("a")) link.draggable = false;
});

function dayAt(event) {
  const day = dragged && event.target.closest?.("[data-day]");
  return day && !day.contains(dragged) ? day : null;
}

function aim(day) {
  for (const other of document.querySelectorAll(".is-target")) if (other !== day) other.classList.remove("is-target");
  day?.classList.add("is-target");
}

async function drop(tile, day) {
  // What has no time of day yet is asked for it.
  if (!tile.querySelector("time")) {
    const link = tile.querySelector("a.move");
    location.href = `${link.getAttribute("href")}&day=${day.dataset.day}`;
    return;
  }
  const scope = Number(tile.dataset.companions) ? await askScope() : "one";
  if (scope) await move(tile, day, scope);
}

function askScope() {
  const dialog = document.getElementById("move-scope");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

async function move(tile, day, scope) {
  const place = calendar();
  if (place.hasAttribute("aria-busy")) return;
  const home = tile.parentElement;
  const next = tile.nextElementSibling;
  listOf(day).append(tile);
  place.setAttribute("aria-busy", "true");
  const problem = await send(tile, day, scope, place);
  place.removeAttribute("aria-busy");
  if (!problem) return;
  home.insertBefore(tile, next);
  tell(place, problem);
}

// What went wrong, in words; nothing if it was moved, and the calendar shows it.
async function send(tile, day, scope, place) {
  const fields = { day: day.dataset.day, time: "", scope, version: tile.dataset.version };
  for (const name of PLACE) fields[name] = place.dataset[name] ?? "";
  const link = new URL(tile.querySelector("a.move").href);
  try {
    const response = await fetch(link.pathname, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { "HX-Request": "true", Accept: "text/html" },
    });
    const text = await response.text();
    if (response.status === 401) location.reload();
    if (!response.ok) return text;
    show(text);
    return "";
  } catch {
    return document.getElementById("move-scope").dataset.unreachable;
  }
}

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-calendar]");
  calendar().replaceWith(document.adoptNode(fresh));
  const notice = fresh.querySelector(".moved p");
  if (notice) announce(notice.textContent.replace(/\s+/g, " "));
}

function tell(place, words) {
  const box = place.querySelector("[data-calendar-problem]");
  box.hidden = false;
  box.querySelector("p").textContent = words;
  box.scrollIntoView({ block: "nearest" });
}

function listOf(day) {
  return day.querySelector("ul") ?? day.appendChild(document.createElement("ul"));
}
