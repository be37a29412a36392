// A <time datetime="…"> shows the site's zone; its tooltip says the reader's own, and how far away it is.
const STEPS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

document.addEventListener("pointerover", ({ target }) => {
  const element = target instanceof Element ? target.closest("time[datetime]") : null;
  const at = element ? Date.parse(element.dateTime) : Number.NaN;
  // A date without a time is a day, not a moment.
  if (!element || Number.isNaN(at) || !element.dateTime.includes("T")) return;
  const language = document.documentElement.lang || "en";
  const format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "long", hourCycle: "h23" });
  const local = format.format(at);
  element.title = `${local} (${relative(at, language)})`;
});

function relative(at, language) {
  const seconds = Math.round((at - Date.now()) / 1000);
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? STEPS.at(-1);
  return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(Math.round(seconds / size), unit);
}
