(function () {
  "use strict";
  var steppers = Array.prototype.map.call(document.querySelectorAll(".stepper"), function (root) {
    var points = Array.prototype.slice.call(root.querySelectorAll(".point"));
    var links = Array.prototype.slice.call(root.querySelectorAll(".path a"));
    var out = root.querySelector("output");
    var now = points.length - 1;
    // call returns the nearest point in a direction at which a whole call has
    // ended, or the start of the day.
    function call(by) {
      for (var i = now + by; i >= 0 && i < points.length; i += by) {
        if (points[i].dataset.kind !== "step") { return i; }
      }
      return by < 0 ? 0 : points.length - 1;
    }
    function target(go) {
      switch (go) {
        case "first": return 0;
        case "prev": return Math.max(0, now - 1);
        case "next": return Math.min(points.length - 1, now + 1);
        case "prevcall": return call(-1);
        case "nextcall": return call(1);
      }
      return points.length - 1;
    }
    // reveal scrolls a picture that is wider than its room to what it is about: what is
    // wrong, else what has changed. It stays where the one before it was if that shows.
    function reveal(point, from) {
      var box = point.querySelector(".scroll");
      var at = box.querySelector("rect.wrong") || box.querySelector(".accused > .box") || box.querySelector(".changed");
      box.scrollLeft = from;
      if (!at) { return; }
      var a = at.getBoundingClientRect(), b = box.getBoundingClientRect();
      if (a.left < b.left || a.right > b.right) { box.scrollLeft += (a.left + a.right) / 2 - (b.left + b.right) / 2; }
    }
    function show(n) {
      var from = points[now].querySelector(".scroll").scrollLeft;
      now = n;
      points.forEach(function (p, i) { p.classList.toggle("now", i === n); });
      out.textContent = (n + 1) + " of " + points.length;
      links.forEach(function (a) {
        if (a.hash === "#" + points[n].id) { a.setAttribute("aria-current", "step"); } else { a.removeAttribute("aria-current"); }
      });
      Array.prototype.forEach.call(root.querySelectorAll("button"), function (b) { b.disabled = target(b.dataset.go) === now; });
      reveal(points[n], from);
    }
    var s = {
      root: root,
      go: function (to) { show(target(to)); },
      open: function (id) {
        var i = points.findIndex(function (p) { return p.id === id; });
        if (i >= 0) { show(i); }
        return i >= 0;
      }
    };
    root.addEventListener("click", function (e) {
      var b = e.target.closest("button"), a = e.target.closest(".path a");
      current = s;
      if (b) { s.go(b.dataset.go); }
      if (a) { e.preventDefault(); s.open(a.hash.slice(1)); }
    });
    root.addEventListener("focusin", function () { current = s; });
    root.classList.add("stepping");
    show(now);
    return s;
  });
  var current = steppers[0];
  function fromHash() {
    steppers.forEach(function (s) { if (s.open(location.hash.slice(1))) { current = s; } });
  }
  window.addEventListener("hashchange", fromHash);
  fromHash();
  document.addEventListener("keydown", function (e) {
    if (!current || e.ctrlKey || e.altKey || e.metaKey) { return; }
    var go = { ArrowLeft: e.shiftKey ? "prevcall" : "prev", ArrowRight: e.shiftKey ? "nextcall" : "next", Home: "first", End: "last" }[e.key];
    if (go) { e.preventDefault(); current.go(go); }
  });
})();
