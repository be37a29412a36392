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

// The summary beside the form says what the form says now.
//
// <span data-mirror="NAME NAME …" data-none="TEXT">   the values of these fields, or the text if there are none
//   data-only="NAME=VALUE"                            only if that is chosen
//   data-words="TEXT"                                 in place of the values
attach("#composer", (form) => {
  const mirrors = form.querySelectorAll("[data-mirror]");
  const show = () => {
    const filled = new FormData(form);
    for (const mirror of mirrors) {
      const [name, value] = mirror.dataset.only?.split("=") ?? [];
      const applies = !name || filled.get(name) === value;
      const [first, ...others] = mirror.dataset.mirror.split(" ");
      const values = filled.getAll(first).filter((one) => one.trim());
      const more = others.flatMap((one) => filled.getAll(one));
      const text = mirror.dataset.words ?? (others.length ? [...values, ...more].join(" ").replace("T", " ") : values.join(", "));
      mirror.textContent = applies && values.length ? text : mirror.dataset.none;
    }
  };
  form.addEventListener("input", show);
  form.addEventListener("change", show);
});

// A time of its own is chosen by filling in its field.
attach(".choice-with-field input:not([type=radio])", (field) => {
  field.addEventListener("input", () => {
    const choice = field.closest(".choice-with-field").querySelector("input[type=radio]");
    if (field.value) choice.checked = true;
  });
});
