// Zoom of a series: buttons, a drag over the chart, a touch of the overview

const zoom = (chart) => {
  const last = chart.lines[0].x.at(-1);
  const first = chart.lines[0].x[0];
  const [start, end] = chart.data.zoom;
  const overview = charts.find((each) => each.data.overview);
  let shown = [start, end];
  const go = (low, high) => {
    const size = clamp(Math.round(high - low), Math.min(5, last - first), last - first);
    const from = clamp(Math.round(low), first, last - size);
    shown = [from, from + size];
    chart.redraw(...shown);
    if (overview) frame(overview, ...shown);
  };
  const by = (factor) => () => {
    const [middle, half] = [(shown[0] + shown[1]) / 2, ((shown[1] - shown[0]) * factor) / 2];
    go(middle - half, middle + half);
  };
  const move = (way) => () => {
    const size = shown[1] - shown[0];
    go(shown[0] + (way * size) / 2, shown[1] + (way * size) / 2);
  };
  chart.figure.append(make("div", { class: "tools", role: "group", "aria-label": "Zoom" },
    button("◀", "earlier", move(-1)), button("▶", "later", move(1)),
    button("+", "zoom in", by(0.5)), button("−", "zoom out", by(2)),
    button("all", "the whole series", () => go(first, last)),
    button("end", "the last steps", () => go(start, end))));
  let from = null;
  const value = (event) => {
    const [low, high] = [chart.x(shown[0]), chart.x(shown[1])];
    return shown[0] + ((chart.at(event)[0] - low) / (high - low)) * (shown[1] - shown[0]);
  };
  chart.svg.addEventListener("pointerdown", (event) => { from = event.pointerType === "mouse" ? value(event) : null; });
  chart.svg.addEventListener("pointerup", (event) => {
    const to = from === null ? null : value(event);
    if (to !== null && Math.abs(to - from) > (shown[1] - shown[0]) / 20) go(Math.min(from, to), Math.max(from, to));
    from = null;
  });
  if (!overview) return;
  const [low, high] = overview.data.x;
  const jump = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const middle = low + ((overview.at(event)[0] - overview.left) / overview.width) * (high - low);
    const half = (shown[1] - shown[0]) / 2;
    go(middle - half, middle + half);
  };
  overview.svg.addEventListener("pointerdown", jump);
  overview.svg.addEventListener("pointermove", jump);
  overview.svg.classList.add("jumps");
  frame(overview, ...shown);
};

const frame = (chart, low, high) => {
  chart.window ??= chart.draw("rect", { class: "window", y: chart.top, height: chart.height }, chart.svg);
  chart.window.setAttribute("x", chart.x(low));
  chart.window.setAttribute("width", Math.max(2, chart.x(high) - chart.x(low)));
};

const smoothing = (chart) => {
  const slider = make("input", { type: "range", min: "0", max: "0.99", step: "0.01", value: chart.data.smooth });
  const says = make("output");
  const all = chart.lines.flatMap((line) => line.x);
  const draw = () => {
    says.textContent = slider.value;
    chart.redraw(Math.min(...all), Math.max(...all), Number(slider.value));
  };
  slider.addEventListener("input", draw);
  chart.figure.append(make("label", { class: "tools" }, "smoothing ", slider, says));
  says.textContent = slider.value;
};

for (const chart of charts) {
  if (chart.data.zoom) zoom(chart);
  if (chart.data.smooth !== undefined) smoothing(chart);
}
