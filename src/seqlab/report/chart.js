// Values of a chart to hover, and its drawing anew. All these files run as one function, see page.py.

const find = (where, what) => [...where.querySelectorAll(what)];
const make = (tag, attributes = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
};
const number = (value, digits = 4) => {
  const size = Math.abs(value);
  const text = size && (size < 1e-4 || size >= 1e9) ? size.toExponential(2)
    : size.toLocaleString("en-US", { maximumSignificantDigits: Math.max(digits, Math.ceil(Math.log10(size + 1))) });
  return (value < 0 ? "−" : "") + text;
};
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const button = (text, name, act) => {
  const made = make("button", { type: "button", "aria-label": name, title: name }, text);
  made.addEventListener("click", act);
  return made;
};

// ---- a chart: data-chart of its figure is made by svg.py

const charts = [];

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.svg = figure.querySelector(":scope > svg");
    this.data = JSON.parse(figure.dataset.chart);
    [this.left, this.top, this.width, this.height] = this.data.box;
    this.x = this.scale("x", this.data.x, this.left, this.left + this.width);
    this.y = this.scale("y", this.data.y, this.top + this.height, this.top);
    this.lines = this.data.lines;
    this.marks = this.draw("g", { class: "marks", "aria-hidden": "true" }, this.svg);
    this.tip = make("div", { class: "tip", hidden: "", role: "status" });
    figure.append(this.tip);
    this.svg.setAttribute("tabindex", "0");
    this.svg.addEventListener("pointermove", (event) => this.hover(event));
    this.svg.addEventListener("pointerdown", (event) => this.hover(event));
    this.svg.addEventListener("pointerleave", () => this.leave());
    this.svg.addEventListener("blur", () => this.leave());
    this.svg.addEventListener("keydown", (event) => this.key(event));
    charts.push(this);
  }

  // linear, or matplotlib's symlog ([threshold, size of its linear part]) or log ([0, 0])
  scale(side, [low, high], from, to) {
    const [threshold, part] = this.data[`${side}scale`] ?? [null, 0];
    const bent = (value) => {
      if (threshold === null) return value;
      if (threshold === 0) return Math.log10(value);
      const size = Math.abs(value);
      const far = size <= threshold ? (size / threshold) * part : part + Math.log10(size / threshold);
      return Math.sign(value) * far;
    };
    const [first, last] = [bent(low), bent(high)];
    return (value) => from + ((bent(value) - first) / (last - first || 1)) * (to - from);
  }

  draw(tag, attributes, parent = this.marks) {
    const made = document.createElementNS(this.svg.namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    parent.append(made);
    return made;
  }

  at(event) { // pixels to units of the drawing
    const box = this.svg.getBoundingClientRect();
    const view = this.svg.viewBox.baseVal;
    return [((event.clientX - box.left) / box.width) * view.width, ((event.clientY - box.top) / box.height) * view.height];
  }

  near(line, across) { // number of the line's point that is nearest to a place; x rises
    let [low, high] = [0, line.x.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.x(line.x[middle]) < across) low = middle + 1;
      else high = middle;
    }
    if (this.data.steps) return Math.max(0, this.x(line.x[low]) > across ? low - 1 : low);
    const before = Math.max(0, low - 1);
    return Math.abs(this.x(line.x[before]) - across) < Math.abs(this.x(line.x[low]) - across) ? before : low;
  }

  hover(event) {
    const [across] = this.at(event);
    const nearest = this.lines.filter((line) => line.x.length)
      .map((line) => line.x[this.near(line, across)])
      .sort((a, b) => Math.abs(this.x(a) - across) - Math.abs(this.x(b) - across))[0];
    if (nearest !== undefined) this.show(nearest, this.data.steps ? across : this.x(nearest));
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const line = this.lines.find((each) => each.x.length);
    if (!step || !line) return;
    event.preventDefault();
    const [low, high] = this.shown ?? [0, line.x.length - 1];
    this.place = clamp((this.place ?? (step > 0 ? low - 1 : high + 1)) + step, low, high);
    this.show(line.x[this.place], this.x(line.x[this.place]));
  }

  name(value) {
    if (this.data.names) return this.data.names[clamp(Math.round(value) - (this.data.first ?? 0), 0, this.data.names.length - 1)];
    return number(value);
  }

  show(value, across) {
    if (across < this.left - 1 || across > this.left + this.width + 1) return this.leave();
    this.marks.replaceChildren();
    this.draw("path", { class: "cross", d: `M${across} ${this.top}v${this.height}` });
    const unit = this.data.unit ?? "";
    const rows = [];
    let head = `${this.data.label ? `${this.data.label} ` : ""}${this.name(value)}`;
    for (const line of this.lines) {
      const place = line.x.length ? this.near(line, across) : 0;
      const [x, y] = [line.x[place], line.y[place]];
      if (y === null || y === undefined) continue;
      if (this.data.steps) head = `${this.data.label} ${number(x, 3)} to ${number(line.x[place + 1], 3)}`;
      else if (Math.abs(this.x(x) - across) > 8) continue;
      else this.draw("circle", { cx: this.x(x), cy: this.y(y), r: 4, style: `fill:${line.color}` });
      const band = this.data.bands?.[line.name];
      const spread = band ? ` (${number(band[0][place])} to ${number(band[1][place])})` : "";
      rows.push(make("div", { style: `--tone:${line.color}` }, `${line.name} `, make("b", {}, number(y) + unit), spread));
    }
    this.tip.replaceChildren(make("div", {}, head), ...rows);
    this.tip.hidden = false;
    const [box, frame] = [this.svg.getBoundingClientRect(), this.figure.getBoundingClientRect()];
    const place = box.left - frame.left + (across / this.svg.viewBox.baseVal.width) * box.width;
    const room = frame.width - this.tip.offsetWidth;
    this.tip.style.left = `${clamp(place + (place > frame.width / 2 ? -this.tip.offsetWidth - 12 : 12), 0, Math.max(0, room))}px`;
    this.tip.style.top = `${box.top - frame.top + (this.top / this.svg.viewBox.baseVal.height) * box.height}px`;
  }

  leave() {
    this.tip.hidden = true;
    this.place = undefined;
    this.marks.replaceChildren();
  }

  point(x, y) { // where a moved threshold lies
    this.pin ??= this.draw("circle", { class: "pin", r: 6 }, this.svg);
    const seen = Number.isFinite(x) && Number.isFinite(y);
    this.pin.style.display = seen ? "" : "none";
    if (seen) [this.pin.cx.baseVal.value, this.pin.cy.baseVal.value] = [this.x(x), this.y(y)];
  }

  rule(x) { // a moved threshold as a line
    this.line ??= this.draw("path", { class: "pin" }, this.svg);
    const across = clamp(this.x(x), this.left, this.left + this.width);
    this.line.setAttribute("d", `M${across} ${this.top}v${this.height}`);
  }

  // ---- drawn anew: other steps, or smoothed

  redraw(low, high, smooth = 0) {
    this.leave();
    this.shown = [low, high];
    this.fresh?.remove();
    this.fresh = this.draw("g", { class: "fresh" }, this.svg);
    this.svg.insertBefore(this.fresh, this.marks);
    this.svg.classList.add("redrawn");
    const at = (line) => line.x.map((_, place) => place).filter((place) => line.x[place] >= low && line.x[place] <= high);
    const parts = this.lines.map((line) => [line, at(line)]);
    const seen = parts.flatMap(([line, places]) => {
      const band = this.data.bands?.[line.name];
      return places.flatMap((place) => [line.y[place], band?.[0][place], band?.[1][place]]);
    }).filter((value) => value !== null && value !== undefined);
    let [bottom, top] = [Math.min(...seen), Math.max(...seen)];
    const pad = (top - bottom || Math.abs(top) || 1) * 0.06;
    [bottom, top] = [bottom >= 0 ? Math.max(0, bottom - pad) : bottom - pad, top + pad];
    const edge = (high - low) * 0.02 || 0.5;
    this.x = this.scale("x", [low - edge, high + edge], this.left, this.left + this.width);
    this.y = this.scale("y", [bottom, top], this.top + this.height, this.top);
    for (const mark of ticks(bottom, top, 6)) {
      this.draw("path", { class: "rule", d: `M${this.left} ${this.y(mark)}h${this.width}` }, this.fresh);
      this.draw("text", { x: this.left - 5, y: this.y(mark) + 4, "text-anchor": "end" }, this.fresh).textContent = number(mark);
    }
    const floor = this.top + this.height;
    this.draw("path", { class: "floor", d: `M${this.left} ${floor}h${this.width}` }, this.fresh);
    const wanted = this.width > 500 ? 6 : 4;
    const marks = this.data.names
      ? [...new Set(Array.from({ length: wanted }, (_, place) => Math.round(low + ((high - low) * place) / (wanted - 1))))]
      : ticks(low, high, wanted);
    for (const mark of marks) {
      const lines = this.name(mark).split(/(?<=\d)[T ](?=\d)/);
      lines.forEach((line, row) => {
        const place = { x: this.x(mark), y: floor + 16 + 14 * row, "text-anchor": "middle" };
        this.draw("text", place, this.fresh).textContent = line;
      });
    }
    for (const [line, places] of parts) {
      const band = this.data.bands?.[line.name];
      if (band) {
        const ends = [...places.map((place) => [place, 0]), ...places.toReversed().map((place) => [place, 1])];
        const d = ends.filter(([place, side]) => band[side][place] !== null)
          .map(([place, side]) => `${this.x(line.x[place])} ${this.y(band[side][place])}`).join("L");
        this.draw("path", { class: "band", d: `M${d}`, style: `fill:${line.color}` }, this.fresh);
      }
      const path = (values) => {
        let pen = "M";
        return places.map((place) => {
          if (values[place] === null) { pen = "M"; return ""; }
          const part = `${pen}${this.x(line.x[place]).toFixed(1)} ${this.y(values[place]).toFixed(1)}`;
          pen = "L";
          return part;
        }).join("");
      };
      if (smooth) this.draw("path", { class: "line faint", d: path(line.y), style: `stroke:${line.color}` }, this.fresh);
      const style = `stroke:${line.color}${line.dashes ? `;stroke-dasharray:${line.dashes}` : ""}`;
      this.draw("path", { class: "line", d: path(smooth ? smoothed(line.y, smooth) : line.y), style }, this.fresh);
    }
  }
}

const ticks = (low, high, most) => {
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let mark = Math.ceil(low / step); mark * step <= high * (1 + 1e-12); mark += 1) found.push(Number((mark * step).toPrecision(12)));
  return found;
};

// the mean of all values so far, older ones weighing less: that of TensorBoard, free of a bias to 0
const smoothed = (values, weight) => {
  let [sum, mass] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    [sum, mass] = [sum * weight + value * (1 - weight), mass * weight + 1 - weight];
    return sum / mass;
  });
};

for (const figure of find(document, "figure[data-chart]")) new Chart(figure);
