// The chosen tab is in sight where the row is wider than the screen.
for (const chosen of document.querySelectorAll(".tabs [aria-current]")) {
  const row = chosen.closest(".tabs");
  const middle = (row.clientWidth - chosen.offsetWidth) / 2;
  row.scrollLeft += chosen.getBoundingClientRect().left - row.getBoundingClientRect().left - middle;
}
