"use strict";
const data = JSON.parse(document.getElementById("compare-data").textContent);
const COLORS = [1, 2, 3, 4, 6].map((place) => `var(--series-${place})`); // the fifth is the gray of all others
const find = (id) => document.getElementById(id);
const bodies = [...document.querySelectorAll("[data-table] tbody")]; // one for each task and data
const rows = data.tables.flatMap((table) => table.rows);
const tableOf = data.tables.flatMap((table, number) => table.rows.map(() => number)); // of each row
const lines = new Map(bodies.flatMap((body) => [...body.rows].map((line) => [Number(line.dataset.row), line])));
const chosen = new Set(); // rows that a reader has clicked
let drawn = 0; // the table whose rows the charts show
let shown = []; // of them those that pass the filter, in the order of the table

// ---- numbers and marks

const number = (value) => {
  if (value === null) return "–";
  if (typeof value !== "number") return value;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(2).replace("-", "−");
  return String(Number(value.toPrecision(5))).replace("-", "−");
};
const marked = () => (shown.some((row) => chosen.has(row)) ? shown.filter((row) => chosen.has(row)) : shown).slice(0, COLORS.length);
const color = (place) => COLORS[place] ?? "";
const faint = (count) => Math.max(0.1, Math.min(0.45, 20 / count)); // many lines must not add up to a surface

// ---- tables: sort, filter, mark

const compare = (a, b) => {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
};

function sortBy(body, column, descending) {
  const value = (row) => rows[row].values[column];
  const order = [...body.rows].map((line) => Number(line.dataset.row)).sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left === null || right === null) return (left === null) - (right === null) || a - b; // always last
    return (descending ? -1 : 1) * compare(left, right) || a - b;
  });
  for (const row of order) body.append(lines.get(row));
  for (const head of body.parentElement.querySelectorAll("th[data-column]")) {
    const own = Number(head.dataset.column) === column;
    head.setAttribute("aria-sort", own ? (descending ? "descending" : "ascending") : "none");
  }
  refresh();
}

const OPERATORS = {
  "<=": (order) => order <= 0, ">=": (order) => order >= 0, "<": (order) => order < 0,
  ">": (order) => order > 0, "!=": (order) => order !== 0, "=": (order) => order === 0,
};

function columnOf(table, name) {
  const ends = (text) => text === name || text.endsWith(`.${name}`) || text.endsWith(`/${name}`);
  const exact = table.columns.findIndex((column) => column.name.toLowerCase() === name);
  return exact >= 0 ? exact : table.columns.findIndex((column) => ends(column.name.toLowerCase()));
}

// lr<0.01 compares a column, any other word is looked for in the whole row.
function condition(word) {
  const parts = /^(.+?)(<=|>=|!=|<|>|=)(.+)$/.exec(word);
  if (!parts) return (row) => [lines.get(row).textContent, ...rows[row].values].join(" ").toLowerCase().includes(word);
  const columns = data.tables.map((table) => columnOf(table, parts[1]));
  if (columns.every((column) => column < 0)) return null;
  const wanted = Number.isNaN(Number(parts[3])) ? parts[3] : Number(parts[3]);
  return (row) => {
    const value = rows[row].values[columns[tableOf[row]]] ?? null;
    if (value === null) return false;
    const own = typeof value === "number" ? value : value.toLowerCase();
    return OPERATORS[parts[2]](compare(own, wanted));
  };
}

function filter() {
  const words = find("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const conditions = words.map(condition);
  const unknown = words.filter((_, place) => conditions[place] === null);
  let count = 0;
  for (const [row, line] of lines) {
    const passes = conditions.every((accepts) => accepts === null || accepts(row));
    line.hidden = !passes;
    count += passes;
  }
  for (const line of document.querySelectorAll("[data-of]")) line.hidden = lines.get(Number(line.dataset.of)).hidden;
  const problem = unknown.length ? `; no column for ${unknown.join(" ")}` : "";
  find("shown").textContent = `${count} of ${lines.size} rows${problem}`;
  refresh();
}

function refresh() {
  shown = [...bodies[drawn].rows].filter((line) => !line.hidden).map((line) => Number(line.dataset.row));
  const order = marked();
  for (const [row, line] of lines) {
    line.querySelector(".mark").style.background = color(order.indexOf(row)) || "transparent";
    line.setAttribute("aria-selected", String(chosen.has(row)));
  }
  drawCurves();
  drawParallel();
  drawScatter();
}

// ---- SVG

const SVG = "http://www.w3.org/2000/svg";

function element(parent, tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function canvas(place, width, height, description) {
  place.replaceChildren();
  const attributes = { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": description };
  return element(place, "svg", attributes);
}

function nice(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= raw * 0.999);
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-9; tick += step) {
    ticks.push(Math.abs(tick) < step * 1e-9 ? 0 : Number(tick.toPrecision(12)));
  }
  return ticks;
}

// From values of a column to places between `from` and `to`, with ticks. Words stand at equal distances,
// numbers that span a factor of 50 or more by their logarithm.
function scale(values, from, to, count, logarithmic) {
  const known = values.filter((value) => value !== null);
  if (known.some((value) => typeof value !== "number")) {
    const words = [...new Set(known.map(String))].sort(compare);
    const at = (value) => from + (to - from) * (words.length < 2 ? 0.5 : words.indexOf(String(value)) / (words.length - 1));
    const every = Math.ceil(words.length / Math.max(2, count * 2));
    const ticks = words.filter((_, place) => place % every === 0);
    return { at, ticks: ticks.map((word) => [at(word), word.length > 18 ? `${word.slice(0, 17)}…` : word]) };
  }
  let low = Math.min(...known), high = Math.max(...known);
  const log = low > 0 && (logarithmic ?? high / low >= 50);
  if (low === high) {
    [low, high] = log ? [low / 2, high * 2] : [low - (Math.abs(low) / 10 || 1), high + (Math.abs(high) / 10 || 1)];
  }
  const turn = log ? Math.log10 : (value) => value;
  const [start, end] = [turn(low), turn(high)];
  const at = (value) => from + ((to - from) * (turn(value) - start)) / (end - start);
  let ticks = nice(low, high, count);
  if (known.every(Number.isInteger)) ticks = ticks.filter(Number.isInteger); // half an epoch is none
  if (log) {
    const factors = end - start > Math.min(3, (2 * count) / 3) ? [1] : [1, 2, 5];
    ticks = [];
    for (let power = Math.floor(start); power <= Math.ceil(end); power += 1) {
      for (const factor of factors) ticks.push(factor * 10 ** power);
    }
    ticks = ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
    if (ticks.length < 2) ticks = [low, high];
  }
  return { at, ticks: ticks.map((tick) => [at(tick), number(tick)]) };
}

function frame(svg, box, across, up, names) {
  for (const [y, text] of up.ticks) {
    element(svg, "line", { class: "grid", x1: box.left, x2: box.right, y1: y, y2: y });
    element(svg, "text", { x: box.left - 8, y: y + 4, "text-anchor": "end" }, text);
  }
  element(svg, "line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom });
  for (const [x, text] of across.ticks) {
    element(svg, "text", { x, y: box.bottom + 18, "text-anchor": "middle" }, text);
  }
  element(svg, "text", { class: "axis-name", x: (box.left + box.right) / 2, y: box.bottom + 38, "text-anchor": "middle" }, names[0]);
  element(svg, "text", { class: "axis-name", x: 4, y: 14 }, names[1]);
}

const path = (points) => points.map(([x, y], place) => `${place ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

function stroke(svg, points, row, order, thin) {
  const place = order.indexOf(row);
  const classes = ["line", thin ? "thin" : "", place < 0 ? "" : thin ? "own" : "marked"];
  const line = element(svg, "path", { class: classes.join(" ").trim(), d: path(points), "data-row": row });
  if (place >= 0) line.style.stroke = color(place);
  else line.style.opacity = faint(shown.length);
  element(line, "title", {}, rows[row].name);
}

// Muted rows first, so that marked ones lie on top, the best one last.
const backToFront = (order) => [...shown.filter((row) => !order.includes(row)), ...[...order].reverse()];

function legend(id, order) {
  const rest = shown.length - order.length;
  const items = order.map((row, place) => [color(place), `${row + 1}: ${rows[row].name}`]);
  if (rest > 0) items.push(["var(--muted)", `${rest} more`]);
  find(id).replaceChildren(...items.map(([background, text]) => {
    const item = document.createElement("li");
    const mark = document.createElement("span");
    mark.className = "mark";
    mark.style.background = background;
    item.append(mark, text);
    return item;
  }));
}

function nothing(place, text) {
  const sentence = document.createElement("p");
  sentence.className = "note";
  sentence.textContent = text;
  place.replaceChildren(sentence);
}

// ---- charts

function drawCurves() {
  const place = find("curves");
  const metric = find("curve-metric").value;
  const across = find("curve-x").value;
  const seen = new Set(shown);
  const curves = (data.curves[metric] ?? []).filter((curve) => seen.has(curve.row));
  const order = marked();
  legend("curves-key", order);
  if (!curves.length) return nothing(place, "No learning curve of the rows that are shown.");
  const width = place.clientWidth;
  const height = Math.min(420, Math.max(260, width * 0.5));
  const box = { left: 58, right: width - 14, top: 28, bottom: height - 46 };
  const svg = canvas(place, width, height, `${metric} over ${across}`);
  const logarithmic = find("curve-log").checked;
  const x = scale(curves.flatMap((curve) => curve[across]), box.left, box.right, Math.max(3, width / 110), false);
  const y = scale(curves.flatMap((curve) => curve.y), box.bottom, box.top, 5, logarithmic);
  frame(svg, box, x, y, [across, metric]);
  const byRow = new Map();
  for (const curve of curves) byRow.set(curve.row, [...(byRow.get(curve.row) ?? []), curve]);
  for (const row of backToFront(order)) {
    const own = byRow.get(row) ?? [];
    const alike = own.length > 1 && own.every((curve) => String(curve[across]) === String(own[0][across]));
    const isCrowded = shown.length > 20 && !order.includes(row); // then a row is its mean alone
    for (const curve of alike && isCrowded ? [] : own) {
      stroke(svg, curve[across].map((at, n) => [x.at(at), y.at(curve.y[n])]), row, order, alike);
      if (curve.y.length > 1) continue;
      const dot = element(svg, "circle", { class: "dot marked", cx: x.at(curve[across][0]), cy: y.at(curve.y[0]), r: 4 });
      dot.style.fill = color(order.indexOf(row));
    }
    if (!alike) continue;
    const mean = own[0].y.map((_, n) => own.reduce((sum, curve) => sum + curve.y[n], 0) / own.length);
    stroke(svg, own[0][across].map((at, n) => [x.at(at), y.at(mean[n])]), row, order, false);
  }
}

function drawParallel() {
  const place = find("parallel");
  const axes = [...document.querySelectorAll("#parallel-axes input:checked")].map((box) => Number(box.value));
  const order = marked();
  legend("parallel-key", order);
  if (axes.length < 2) return nothing(place, "Choose two axes or more.");
  const room = place.parentElement.clientWidth;
  const width = Math.max(room, axes.length * 130);
  const [height, top, bottom] = [360, 48, 330];
  const svg = canvas(place, width, height, "parallel coordinates");
  const scales = axes.map((column) => scale(shown.map((row) => rows[row].values[column]), bottom, top, 4));
  const margin = (n) => Math.max(48, 14 + 7 * Math.max(...scales[n].ticks.map((tick) => tick[1].length)));
  const [left, right] = [margin(0), margin(axes.length - 1)];
  const at = (n) => left + ((width - left - right) * n) / (axes.length - 1);
  for (const row of backToFront(order)) {
    let points = [];
    const pieces = [];
    axes.forEach((column, n) => {
      const value = rows[row].values[column];
      if (value !== null) points.push([at(n), scales[n].at(value)]);
      if (value === null || n === axes.length - 1) {
        if (points.length > 1) pieces.push(points);
        points = [];
      }
    });
    for (const piece of pieces) stroke(svg, piece, row, order, false);
  }
  const anchor = (n) => (n === 0 ? "start" : n === axes.length - 1 ? "end" : "middle");
  const name = (n) => (n === 0 ? 4 : n === axes.length - 1 ? width - 4 : at(n));
  axes.forEach((column, n) => {
    element(svg, "line", { class: "axis", x1: at(n), x2: at(n), y1: top, y2: bottom });
    element(svg, "text", { class: "axis-name", x: name(n), y: n % 2 && axes.length > 4 ? 32 : 16, "text-anchor": anchor(n) }, data.tables[drawn].columns[column].label);
    const last = n === axes.length - 1;
    for (const [y, text] of scales[n].ticks) {
      element(svg, "line", { class: "axis", x1: at(n) - 3, x2: at(n) + 3, y1: y, y2: y });
      const tick = { x: at(n) + (last ? 7 : -7), y: y + 4, "text-anchor": last ? "start" : "end" };
      const label = element(svg, "text", tick, text);
      label.style.paintOrder = "stroke";
      label.style.stroke = "var(--paper)";
      label.style.strokeWidth = "4px";
    }
  });
}

function drawScatter() {
  const place = find("scatter");
  const [first, second] = [Number(find("scatter-x").value), Number(find("scatter-y").value)];
  const order = marked();
  const values = (row) => [rows[row].values[first], rows[row].values[second]];
  const having = backToFront(order).filter((row) => values(row).every((value) => value !== null));
  legend("scatter-key", order);
  if (!having.length) return nothing(place, "No row that is shown has both.");
  const width = place.clientWidth;
  const height = Math.min(420, Math.max(260, width * 0.5));
  const isWords = having.some((row) => typeof values(row)[1] !== "number");
  const box = { left: isWords ? 130 : 62, right: width - 24, top: 34, bottom: height - 46 };
  const svg = canvas(place, width, height, `${data.tables[drawn].columns[second].name} over ${data.tables[drawn].columns[first].name}`);
  const x = scale(having.map((row) => values(row)[0]), box.left + 14, box.right, Math.max(3, width / 120));
  const y = scale(having.map((row) => values(row)[1]), box.bottom - 12, box.top, 5);
  frame(svg, box, x, y, [data.tables[drawn].columns[first].name, data.tables[drawn].columns[second].name]);
  for (const row of having) {
    const rank = order.indexOf(row);
    const [left, up] = values(row);
    const attributes = { cx: x.at(left), cy: y.at(up), r: rank < 0 ? 4 : 6, "data-row": row };
    const dot = element(svg, "circle", { class: rank < 0 ? "dot" : "dot marked", ...attributes });
    if (rank >= 0) dot.style.fill = color(rank);
    const told = `${row + 1}: ${rows[row].name}\n${number(left)}, ${number(up)}`;
    element(dot, "title", {}, told);
  }
}

function difference() {
  const [first, second] = [Number(find("first").value), Number(find("second").value)];
  const apart = Object.entries(data.settings).filter(([, each]) => each.of[first] !== each.of[second]);
  const texts = apart.map(([name, { values, of }]) => [name, values[of[first]], values[of[second]]]);
  find("difference").replaceChildren(...(texts.length ? texts : [["none", "–", "–"]]).map((cells) => {
    const line = document.createElement("tr");
    line.append(...cells.map((text, place) => {
      const cell = document.createElement(place ? "td" : "th");
      cell.className = "left";
      cell.textContent = text;
      return cell;
    }));
    return line;
  }));
}

// ---- what a reader does

const options = (pairs, selected) => pairs.map(([value, text]) => new Option(text, value, false, value === selected));

// The charts show the rows of a table: what can be chosen is of that table.
function draw(table) {
  drawn = table;
  find("table").value = table;
  const { columns, axes, scatter, judge } = data.tables[table];
  const own = Object.keys(data.curves).filter((name) => data.curves[name].some((curve) => tableOf[curve.row] === table));
  own.sort((a, b) => b.startsWith("val/") - a.startsWith("val/") || compare(a, b));
  find("curve-metric").replaceChildren(...options(own.map((name) => [name, name]), own.includes(judge) ? judge : own[0]));
  const numbered = columns.map((column, place) => [place, column.name]).filter(([, name]) => name !== "runs");
  find("scatter-x").replaceChildren(...options(numbered, scatter[0]));
  find("scatter-y").replaceChildren(...options(numbered, scatter[1]));
  find("parallel-axes").replaceChildren(...numbered.map(([place]) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    Object.assign(box, { type: "checkbox", value: place, checked: axes.includes(place) });
    label.className = "check";
    label.append(box, ` ${columns[place].label}`);
    return label;
  }));
  refresh();
}

bodies.forEach((body, table) => {
  for (const head of body.parentElement.querySelectorAll("th[data-column]")) {
    const column = Number(head.dataset.column);
    head.querySelector("button").addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const best = data.tables[table].columns[column].best === "max" ? "descending" : "ascending";
      const next = now === "none" ? best : now === "ascending" ? "descending" : "ascending";
      sortBy(body, column, next === "descending");
    });
  }
  body.addEventListener("click", (event) => {
    if (event.target.closest("a")) return;
    const row = Number(event.target.closest("tr").dataset.row);
    if (!chosen.delete(row)) chosen.add(row);
    if (table === drawn) refresh();
    else draw(table);
  });
});
find("filter").addEventListener("input", filter);
find("table").addEventListener("change", () => draw(Number(find("table").value)));
for (const [id, redraw] of [
  ["curve-metric", drawCurves], ["curve-x", drawCurves], ["curve-log", drawCurves],
  ["scatter-x", drawScatter], ["scatter-y", drawScatter], ["parallel-axes", drawParallel],
  ["first", difference], ["second", difference],
]) {
  find(id)?.addEventListener("change", redraw);
}
document.querySelectorAll("[data-scripted]").forEach((part) => { part.hidden = false; });
// Says where a table goes on to the right.
function tellMore() {
  for (const part of document.querySelectorAll(".scroll")) {
    part.classList.toggle("more", part.scrollLeft + part.clientWidth < part.scrollWidth - 2);
  }
}
document.querySelectorAll(".scroll").forEach((part) => part.addEventListener("scroll", tellMore));
let waiting = 0;
window.addEventListener("resize", () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => {
    refresh();
    tellMore();
  });
});
draw(0);
filter();
if (find("first")) difference();
tellMore();
