// On every page of the team's app. Pages work without it; it adds, by attributes of the page:
//   hx-get, hx-post, hx-target …   parts of a page that are fetched (htmx; no hx-on and no `js:`, which need eval)
//   forms.js                       no double sending, a warning about unsaved changes
//   live.js                        parts that follow the server
//   countdown.js, copy.js, times.js, shortcuts.js, search.js, tabs.js
// Each of these files says which attributes it goes by.
import htmx from "htmx.org";
import "./behaviours/forms.js";
import "./behaviours/live.js";
import "./behaviours/countdown.js";
import "./behaviours/copy.js";
import "./behaviours/times.js";
import "./behaviours/shortcuts.js";
import "./behaviours/search.js";
import "./behaviours/tabs.js";

// An address in the history is loaded whole: a part of a page is none.
htmx.config.history = "reload";
