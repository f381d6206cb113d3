// The threshold of an alert: counts at each are in data-thresholds

const threshold = (panel) => {
  const { values, found, wrong, abnormal, normal, chosen } = JSON.parse(panel.dataset.thresholds);
  const slider = make("input", { type: "range", min: "0", max: values.length - 1, value: chosen, "aria-label": "threshold" });
  const says = make("output");
  const cell = Object.fromEntries(find(panel, "[data-count]").map((each) => [each.dataset.count, each]));
  const of = (role) => charts.filter((chart) => chart.data.role === role);
  const set = () => {
    const at = Number(slider.value);
    const [right, alarms] = [found[at], wrong[at]];
    const precision = right + alarms ? right / (right + alarms) : 1;
    const recall = abnormal ? right / abnormal : NaN;
    const write = (name, value) => { if (cell[name]) cell[name].textContent = Number.isNaN(value) ? "–" : value; };
    write("found", right.toLocaleString("en-US"));
    write("missed", (abnormal - right).toLocaleString("en-US"));
    write("false", alarms.toLocaleString("en-US"));
    write("right", (normal - alarms).toLocaleString("en-US"));
    write("alerts", (right + alarms).toLocaleString("en-US"));
    write("precision", precision.toFixed(4));
    write("recall", Number.isNaN(recall) ? NaN : recall.toFixed(4));
    write("f1", 2 * right + alarms + abnormal - right ? ((2 * right) / (right + alarms + abnormal)).toFixed(4) : NaN);
    write("rate", normal ? (alarms / normal).toFixed(5) : NaN);
    write("threshold", number(values[at]));
    says.textContent = `${number(values[at])}${at === chosen ? " (this run's)" : ""}`;
    const moved = at !== chosen;
    for (const chart of of("false positive rate")) chart.point(moved ? alarms / normal : NaN, recall);
    for (const chart of of("recall")) chart.point(moved ? recall : NaN, precision);
    for (const chart of of("scores")) chart.rule(values[at]);
    for (const alert of find(document, ".alert[data-score]")) alert.classList.toggle("below", Number(alert.dataset.score) <= values[at]);
  };
  slider.addEventListener("input", set);
  const back = button("this run's", "back to the threshold of this run", () => { slider.value = chosen; set(); });
  panel.prepend(make("label", { class: "tools" }, "threshold ", slider, says, back));
  for (const note of find(panel, ".touch")) note.hidden = false;
  set();
};

// ---- alerts: by text and by what they turned out to be

const filter = (list) => {
  const alerts = find(list, ".alert");
  const words = make("input", { type: "search", placeholder: "session, key or message", "aria-label": "filter alerts" });
  const kind = make("select", { "aria-label": "kind of alert" }, make("option", { value: "" }, "all alerts"));
  for (const name of new Set(alerts.map((alert) => alert.dataset.label))) kind.append(make("option", { value: name }, `label ${name}`));
  const says = make("output");
  const apply = () => {
    const text = words.value.trim().toLowerCase();
    let seen = 0;
    for (const alert of alerts) {
      const fits = (!kind.value || alert.dataset.label === kind.value) && alert.textContent.toLowerCase().includes(text);
      alert.hidden = !fits;
      seen += fits;
    }
    for (const group of find(list, ".cause")) {
      const left = find(group, ".alert").filter((alert) => !alert.hidden).length;
      group.hidden = !left;
      if (text && left) for (const fold of find(group, "details")) fold.open = true;
    }
    says.textContent = seen === alerts.length ? "" : `${seen} of ${alerts.length} shown alerts`;
  };
  words.addEventListener("input", apply);
  kind.addEventListener("change", apply);
  list.prepend(make("div", { class: "tools" }, words, kind, says));
  list.addEventListener("click", (event) => { // a finger has no hover
    const key = event.target.closest("li[title]");
    if (!key) return;
    const keys = key.parentElement;
    const told = keys.nextElementSibling ?? keys.parentElement.appendChild(make("p", { class: "note", role: "status" }));
    told.textContent = `${key.firstChild.textContent.trim()}: ${key.title}`;
  });
};

for (const panel of find(document, "[data-thresholds]")) threshold(panel);
for (const list of find(document, "[data-touch=alerts]")) if (list.querySelector(".alert")) filter(list);
