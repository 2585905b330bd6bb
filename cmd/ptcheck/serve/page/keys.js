(function () {
  "use strict";
  function choices() { return Array.prototype.slice.call(document.querySelectorAll("[data-choice]")); }
  // move goes to the next or the previous thing to choose from.
  function move(by) {
    var list = choices(), at = list.indexOf(document.activeElement);
    var to = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1)];
    if (to) { to.focus(); }
  }
  document.addEventListener("keydown", function (e) {
    if (e.ctrlKey || e.altKey || e.metaKey) { return; }
    if (e.target.closest("input, select, textarea")) {
      if (e.key === "Escape") { e.target.blur(); }
      return;
    }
    if (e.key === "j" || e.key === "k") { e.preventDefault(); move(e.key === "j" ? 1 : -1); return; }
    // What the page is about comes after the links to other pages, and wins.
    var hit = Array.prototype.filter.call(document.querySelectorAll("[data-key]"), function (x) { return x.dataset.key === e.key; }).pop();
    if (!hit) { return; }
    e.preventDefault();
    if (hit.tagName === "INPUT") { hit.focus(); hit.select(); } else { hit.click(); }
  });
})();
