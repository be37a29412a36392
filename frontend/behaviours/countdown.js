// Counts down to a time.
//
// <span data-countdown-until="2026-12-01T09:00:30Z"      the time
//       data-countdown-now="2026-12-01T09:00:00Z"        the server's time when it made the page: its clock counts
//       data-countdown-then="reload"                     what follows, if anything: the page is loaded again
//       data-countdown-ending="%s seconds left"          said by screen readers 10 seconds before the end
//       >at 09:00:30</span>                              what is shown without script
// At the end the element sends the event `countdown:end`, which bubbles.
import { announce } from "./announce.js";
import { attach } from "./attach.js";

const DAY = 86_400;

attach("[data-countdown-until]", (element) => {
  const until = Date.parse(element.dataset.countdownUntil);
  const now = Date.parse(element.dataset.countdownNow ?? "");
  if (Number.isNaN(until)) return;
  // A page may have taken long to arrive; the time of the request is not part of the offset.
  const ahead = Number.isNaN(now) ? 0 : now - pageMade();
  let isAnnounced = false;
  const tick = () => {
    if (!element.isConnected) return;
    const seconds = Math.max(0, Math.ceil((until - Date.now() - ahead) / 1000));
    element.textContent = spell(seconds);
    if (seconds <= 10 && !isAnnounced && element.dataset.countdownEnding) {
      isAnnounced = true;
      announce(element.dataset.countdownEnding.replace("%s", String(seconds)));
    }
    if (seconds === 0) end(element);
    else setTimeout(tick, 1000 - ((Date.now() + ahead) % 1000));
  };
  // Seconds are for eyes; a screen reader would read each.
  element.setAttribute("role", "timer");
  element.setAttribute("aria-live", "off");
  tick();
});

// When the browser had the first byte of this page, in its own clock.
function pageMade() {
  const [navigation] = performance.getEntriesByType("navigation");
  return performance.timeOrigin + (navigation?.responseStart ?? 0);
}

function spell(seconds) {
  if (seconds >= 2 * DAY) return `${Math.floor(seconds / DAY)} d`;
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, place) => (place ? String(part).padStart(2, "0") : String(part))).join(":");
}

function end(element) {
  element.dispatchEvent(new CustomEvent("countdown:end", { bubbles: true }));
  // A second later, so that what was waited for has begun.
  if (element.dataset.countdownThen === "reload") setTimeout(() => location.reload(), 1000);
}
