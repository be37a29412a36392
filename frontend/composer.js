// In the composer: how inboxes cut the subject, while it is typed. Without script the server shows it when it is saved.
//
// <figure data-cuts="ID" data-otherwise="TEXT">   the field it is about, and what stands there if that is empty
//   <output data-length>                          how long it is, in characters
//   <dd data-room="30">                           as much of it as there is room for
import { attach } from "./behaviours/attach.js";

const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" });

attach("[data-cuts]", (figure) => {
  const field = document.getElementById(figure.dataset.cuts);
  if (!field) return;
  const show = () => {
    const text = field.value.trim() || figure.dataset.otherwise;
    const signs = [...segments.segment(text)].map((one) => one.segment);
    figure.querySelector("[data-length]").textContent = signs.length;
    for (const place of figure.querySelectorAll("[data-room]")) {
      const room = Number(place.dataset.room);
      place.textContent = signs.length <= room ? text : `${signs.slice(0, room - 1).join("")}…`;
    }
  };
  field.addEventListener("input", show);
});

// A time of its own is chosen by filling in its field.
attach(".choice-with-field input:not([type=radio])", (field) => {
  field.addEventListener("input", () => {
    const choice = field.closest(".choice-with-field").querySelector("input[type=radio]");
    if (field.value) choice.checked = true;
  });
});
