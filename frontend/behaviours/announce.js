// One live region for the whole page: it says the latest thing politely, at most one every five seconds (WCAG 4.1.3).
const PAUSE = 5000;
const ID = "announcements";

let waiting = "";
let timer = 0;

export function announce(text) {
  waiting = text.trim();
  if (!timer) say();
}

function say() {
  timer = 0;
  if (!waiting) return;
  const region = document.getElementById(ID) ?? makeRegion();
  // The same words again would not be read: the space makes them others.
  region.textContent = region.textContent === waiting ? `${waiting} ` : waiting;
  waiting = "";
  timer = setTimeout(say, PAUSE);
}

function makeRegion() {
  const made = document.createElement("div");
  made.id = ID;
  made.className = "unseen";
  made.setAttribute("role", "status");
  made.setAttribute("aria-live", "polite");
  document.body.append(made);
  return made;
}
