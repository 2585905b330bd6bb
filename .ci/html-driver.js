// Runs inside a copy of a report: steps through every state by key and by
// button, looks for text that does not fit and for poor contrast, and leaves what
// it found in the page. The script .ci/html puts it there and reads the result.
window.addEventListener("error", function (e) { window.problems.push("error: " + e.message); });
window.addEventListener("unhandledrejection", function (e) { window.problems.push("rejection: " + e.reason); });
window.problems = [];
["error", "warn"].forEach(function (k) { console[k] = function () { window.problems.push(k + ": " + Array.prototype.join.call(arguments, " ")); }; });

function check(ok, text) { if (!ok && window.problems.length < 30) { window.problems.push(text); } }

function visible(root) {
  return Array.prototype.filter.call(root.querySelectorAll(".point"), function (p) { return p.getClientRects().length > 0; });
}

// stepThrough goes back and forth and checks that one state shows, the right one.
function stepThrough(root, how, act) {
  var points = Array.prototype.slice.call(root.querySelectorAll(".point"));
  var n = points.length;
  function at(i, what) {
    var shown = visible(root);
    check(shown.length === 1 && shown[0] === points[i], how + ", " + what + ": want state " + i + ", " + shown.length + " show");
    if (shown[0]) { reveals(shown[0]); }
    check(root.querySelector("output").textContent === (i + 1) + " of " + n, how + ", " + what + ": the counter says " + root.querySelector("output").textContent);
  }
  act("first");
  at(0, "first");
  for (var i = 1; i < n; i++) { act("next"); at(i, "next"); fits(points[i]); }
  act("next");
  at(n - 1, "next at the end");
  for (i = n - 2; i >= 0; i--) { act("prev"); at(i, "prev"); }
  fits(points[0]);
  var ends = points.map(function (p, k) { return k; }).filter(function (k) { return points[k].dataset.kind !== "step"; });
  for (i = 1; i < ends.length; i++) { act("nextcall"); at(ends[i], "next call"); }
  for (i = ends.length - 2; i >= 0; i--) { act("prevcall"); at(ends[i], "previous call"); }
  act("last");
  at(n - 1, "last");
}

// reveals checks that what a picture is about shows, however narrow the page is.
function reveals(point) {
  var box = point.querySelector(".scroll"), at = box.querySelector("rect.wrong") || box.querySelector(".changed");
  if (!at) { return; }
  var a = at.getBoundingClientRect(), b = box.getBoundingClientRect();
  check(a.width > b.width || a.left >= b.left - 1 && a.right <= b.right + 1, "what is wrong or new is out of sight: " + point.id);
}

// fits checks that the texts of a picture lie within their boxes.
function fits(point) {
  point.querySelectorAll("svg.pt g").forEach(function (g) {
    var box = g.querySelector("rect.box").getBBox();
    g.querySelectorAll("text").forEach(function (t) {
      var b = t.getBBox();
      check(b.width === 0 || b.x >= box.x && b.x + b.width <= box.x + box.width + 0.5 && b.y + b.height <= box.y + box.height + 2,
        "text does not fit its box: " + t.textContent + " in " + point.id);
    });
  });
  var svg = point.querySelector("svg.pt").getBoundingClientRect(), scroll = point.querySelector(".scroll");
  check(scroll.scrollWidth + 1 >= svg.width, "a picture is cut off: " + point.id);
}

function channels(color) { return color.match(/[\d.]+/g).map(Number); }

function luminance(c) {
  var v = c.slice(0, 3).map(function (x) { x /= 255; return x <= 0.03928 ? x / 12.92 : Math.pow((x + 0.055) / 1.055, 2.4); });
  return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
}

// contrast checks every text of the page against what lies behind it (WCAG AA).
function contrast() {
  document.querySelectorAll("body *").forEach(function (e) {
    var text = Array.prototype.some.call(e.childNodes, function (n) { return n.nodeType === 3 && n.textContent.trim(); });
    if (!text || e.closest("script") || e.getClientRects().length === 0 || e.disabled) { return; }
    var svg = e.closest("svg"), color = getComputedStyle(e)[svg ? "fill" : "color"], back = e;
    while (back && (channels(getComputedStyle(back).backgroundColor)[3] === 0)) { back = back.parentElement; }
    var a = luminance(channels(color)), b = luminance(channels(getComputedStyle(back || document.documentElement).backgroundColor));
    var ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    check(ratio >= 4.5, "contrast " + ratio.toFixed(1) + ": " + e.textContent.trim().slice(0, 40));
  });
}

window.addEventListener("load", function () {
  var dark = location.hash === "#dark";
  check(matchMedia("(prefers-color-scheme: dark)").matches === dark, "the colour scheme is not what was asked for");
  check(document.documentElement.scrollWidth <= window.innerWidth, "the page is wider than the window: " + document.documentElement.scrollWidth + " in " + window.innerWidth);
  var keys = { first: ["Home"], last: ["End"], next: ["ArrowRight"], prev: ["ArrowLeft"], nextcall: ["ArrowRight", true], prevcall: ["ArrowLeft", true] };
  var steppers = document.querySelectorAll(".stepper");
  check(steppers.length > 0, "there is nothing to step through");
  steppers.forEach(function (root) {
    root.focus();
    stepThrough(root, "keys", function (go) {
      document.dispatchEvent(new KeyboardEvent("keydown", { key: keys[go][0], shiftKey: !!keys[go][1], bubbles: true, cancelable: true }));
    });
    stepThrough(root, "buttons", function (go) { root.querySelector('button[data-go="' + go + '"]').click(); });
    root.querySelectorAll("button").forEach(function (b) { check(b.getAttribute("aria-label"), "a button has no name"); });
  });
  document.querySelectorAll("details").forEach(function (d) { d.open = true; });
  contrast();
  check(document.documentElement.scrollWidth <= window.innerWidth, "with all parts open the page is wider than the window");
  var out = document.createElement("pre");
  out.id = "driver-result";
  out.textContent = window.problems.length ? "PROBLEMS\n" + window.problems.join("\n") : "DRIVER OK";
  document.body.appendChild(out);
});
