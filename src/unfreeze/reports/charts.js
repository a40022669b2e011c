// Draws the interactive figures. All numbers, words and ticks come ready from the page's own attributes; texts are set
// as text, never as markup. Without this script the static figures are there.
const SVG = "http://www.w3.org/2000/svg";
const ROW = 40; // pixels of a row: its name, and its marks under it
const hidden = new Set(); // strategies that are switched off, in all figures
const plots = [];

function make(name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

function html(name, className, text = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function button(text, press) {
  const element = html("button", "", text);
  element.type = "button";
  element.addEventListener("click", press);
  return element;
}

const SHAPES = [ // in a box from -1 to 1, in the order of the palette's markers
  "M-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0", "M-.9-.9H.9V.9H-.9Z", "M0-1.1L1.1.9H-1.1Z", "M0-1.25L1.25 0L0 1.25L-1.25 0Z",
  "M0 1.1L1.1-.9H-1.1Z", "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
  "M-1-.5L-.5-1L0-.5L.5-1L1-.5L.5 0L1 .5L.5 1L0 .5L-.5 1L-1 .5L-.5 0Z",
];

function shape(marker, size, x, y) {
  return make("path", { d: SHAPES[marker], transform: `translate(${x} ${y}) scale(${size})`, "vector-effect": "non-scaling-stroke" });
}

const colour = (series) => (series.colour < 0 ? "quiet" : `c${series.colour}`);
const wide = (text, size = 6.3) => text.length * size;
const cut = (text, width) => (wide(text) <= width ? text : text.slice(0, Math.max(3, Math.floor(width / 6.3) - 1)) + "…");

function scale(axis, start, end) {
  const map = axis.log ? Math.log : (value) => value;
  const low = map(axis.low), high = map(axis.high);
  return (value) => start + ((map(Math.max(value, axis.log ? 1e-12 : -Infinity)) - low) / (high - low)) * (end - start);
}

class Plot {
  constructor(figure) {
    this.figure = figure;
    this.chart = JSON.parse(figure.dataset.chart);
    this.at = -1; // the value shown, among those that can be
    const image = figure.querySelector("img");
    this.box = html("div", "plot");
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "group");
    this.box.setAttribute("aria-label", `${image.alt} The arrow keys step through its values.`);
    this.svg = make("svg", { "aria-hidden": "true" });
    this.tip = html("div", "tip");
    this.tip.setAttribute("role", "status");
    this.tip.hidden = true;
    this.box.append(this.svg, this.tip);
    this.legend = html("div", "legend");
    this.legend.setAttribute("role", "group");
    const switches = this.chart.series.some((one) => one.strategy);
    this.legend.setAttribute("aria-label", switches ? "Strategies shown in all figures" : "What is drawn");
    figure.prepend(this.box, this.legend);
    figure.classList.add("live");
    this.buttons = this.makeLegend();
    this.makeSwitch(image);
    this.box.addEventListener("pointermove", (event) => this.hover(event));
    this.box.addEventListener("pointerdown", (event) => this.hover(event)); // a tap moves nothing
    this.box.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && this.show(-1));
    this.box.addEventListener("blur", () => this.show(-1));
    this.box.addEventListener("keydown", (event) => this.step(event));
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  makeSwitch(image) {
    const tools = html("div", "tools");
    const change = button("Static figure", () => {
      const still = this.figure.classList.toggle("still");
      change.textContent = still ? "Interactive figure" : "Static figure";
      if (!still) this.draw();
    });
    const save = button("Save as SVG", () => {
      const link = html("a");
      link.href = image.src;
      link.download = this.figure.dataset.name + ".svg";
      link.click();
    });
    for (const one of [change, save]) one.setAttribute("aria-label", `${one.textContent}: ${image.alt}`);
    change.addEventListener("click", () => change.setAttribute("aria-label", `${change.textContent}: ${image.alt}`));
    tools.append(change, save);
    this.figure.append(tools);
  }

  makeLegend() {
    const entries = new Map();
    for (const series of this.chart.series) {
      const name = series.strategy || series.name;
      if (name && !entries.has(name) && !(this.chart.rowsAreStrategies && series.strategy)) entries.set(name, series);
    }
    if (this.chart.rowsAreStrategies) {
      for (const name of this.chart.rows) {
        const series = this.chart.series.filter((one) => one.strategy === name).pop();
        entries.set(name, { colour: -1, marker: -1, ...series, strategy: name });
      }
    }
    const buttons = new Map();
    for (const [name, series] of entries) {
      const sample = make("svg", { class: "sample", viewBox: "-8 -6 16 12", "aria-hidden": "true" });
      if (series.line) sample.append(make("path", { d: "M-8 0H8", class: `line ${series.line} ${colour(series)}` }));
      if (series.marker >= 0) { const mark = shape(series.marker, 4, 0, 0); mark.setAttribute("class", `mark ${series.ring ? "around" : ""} ${colour(series)}`); sample.append(mark); }
      const entry = series.strategy ? button("", () => toggle(name)) : html("span", "entry");
      if (series.line || series.marker >= 0) entry.append(sample);
      entry.append(name);
      if (series.strategy) buttons.set(name, entry);
      this.legend.append(entry);
    }
    if (buttons.size > 2) {
      for (const [word, on] of [["show all", true], ["hide all", false]]) {
        const press = button(word, () => toggle(null, on));
        press.className = "plain";
        this.legend.append(press);
      }
    }
    return buttons;
  }

  visible() {
    return this.chart.series.filter((one) => !hidden.has(one.strategy) && !one.joins.some((name) => hidden.has(name)));
  }

  draw() {
    const width = this.box.clientWidth;
    if (!width) return;
    for (const [name, one] of this.buttons) one.setAttribute("aria-pressed", String(!hidden.has(name)));
    this.svg.replaceChildren();
    this.targets = [];
    this.chart.y ? this.drawPlane(width) : this.drawRows(width);
    this.show(-1);
  }

  frame(width, height) {
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  }

  drawPlane(width) {
    const { x: across, y: up } = this.chart;
    const height = Math.round(Math.min(430, Math.max(250, width * 0.52)));
    const left = Math.max(...up.ticks.map(([, text]) => wide(text)), 20) + 14;
    const area = { left, right: width - 14, top: 24, bottom: height - 42 };
    this.frame(width, height);
    const x = scale(across, area.left, area.right), y = scale(up, area.bottom, area.top);
    if (this.chart.band) this.svg.append(make("rect", { x: area.left, width: area.right - area.left, y: y(this.chart.band[1]), height: Math.max(1, y(this.chart.band[0]) - y(this.chart.band[1])), class: "band" }));
    this.svg.append(make("text", { x: 2, y: 12, class: "title" }, cut(up.title, width)));
    for (const [place, text] of up.ticks) this.svg.append(make("path", { d: `M${area.left} ${y(place)}H${area.right}`, class: "grid" }), make("text", { x: area.left - 7, y: y(place) + 4, class: "end" }, text));
    this.drawAcross(across, x, area, true);
    const body = make("g");
    this.svg.append(body);
    this.guides(body, x, y, area);
    const named = [];
    for (const series of this.visible()) {
      const group = make("g", { class: colour(series) });
      body.append(group);
      if (series.line) group.append(make("path", { d: series.points.map((p, i) => `${i ? "L" : "M"}${x(p[0])} ${y(p[1])}`).join(""), class: `line ${series.line}` }));
      for (const point of series.points) {
        const place = { x: x(point[0]), y: y(point[1]) };
        if (point[3] != null) group.append(this.interval(place.x, y(point[3]), y(point[4]), area.top, area.bottom, true));
        if (series.marker >= 0) this.mark(group, series, point, place);
        if (point[6]) named.push([point[6], place, series]);
      }
    }
    this.nameAll(named, area, this.crossed(x, y));
  }

  // Small boxes along the lines, for names to keep off.
  crossed(x, y) {
    const boxes = [];
    for (const { line, points } of this.visible()) {
      for (let i = 1; line && i < points.length; i++) {
        const [a, b] = [points[i - 1], points[i]].map((p) => [x(p[0]), y(p[1])]);
        const steps = Math.ceil(Math.hypot(b[0] - a[0], b[1] - a[1]) / 8);
        for (let k = 0; k <= steps; k++) {
          const at = [a[0] + ((b[0] - a[0]) * k) / steps, a[1] + ((b[1] - a[1]) * k) / steps];
          boxes.push([at[0] - 1, at[1] - 1, at[0] + 1, at[1] + 1]);
        }
      }
    }
    return boxes;
  }

  drawRows(width) {
    const { x: across, rows, rowsAreStrategies } = this.chart;
    const shown = rows.map((name, row) => row).filter((row) => !rowsAreStrategies || !hidden.has(rows[row]));
    const top = this.chart.guides.length ? 18 : 4; // the words of a guide stand above the first row
    const height = top + 36 + Math.max(1, shown.length) * ROW;
    const area = { left: 8, right: width - 22, top, bottom: height - 38 };
    this.frame(width, height);
    const x = scale(across, area.left, area.right);
    const line = (row) => area.top + shown.indexOf(row) * ROW + 26;
    this.drawAcross(across, x, area, false);
    const body = make("g");
    this.svg.append(body);
    this.guides(body, x, null, area);
    for (const row of shown) body.append(make("text", { x: 2, y: line(row) - 13, class: "row" }, cut(rows[row], width - 8)));
    for (const series of this.chart.series) {
      const group = make("g", { class: colour(series) });
      body.append(group);
      for (const point of series.points) {
        if (!shown.includes(point[1])) continue;
        const place = { x: x(point[0]), y: line(point[1]) };
        if (point[5] != null) {
          const start = x(point[5]);
          group.append(make("rect", { x: start, y: place.y - 7, width: Math.max(1.5, place.x - start), height: 14, class: "bar" }));
          this.targets.push({ text: point[2], x: (start + place.x) / 2, y: place.y, from: start, to: place.x });
          if (point[6]) {
            const inside = place.x + wide(point[6]) + 8 > width;
            group.append(make("text", { x: place.x + (inside ? -6 : 6), y: place.y + 4, class: inside ? "inside end" : "" }, point[6]));
          }
          continue;
        }
        if (point[3] != null) group.append(this.interval(place.y, x(point[3]), x(point[4]), area.left, area.right, false));
        this.mark(group, series, point, place);
      }
    }
  }

  drawAcross(axis, x, area, title) {
    let free = -Infinity;
    for (const [place, text] of axis.ticks) {
      const half = wide(text) / 2, at = Math.min(Math.max(x(place), half), area.right + 14 - half);
      this.svg.append(make("path", { d: `M${x(place)} ${area.top}V${area.bottom}`, class: "grid" }));
      if (at - half < free) continue;
      this.svg.append(make("text", { x: at, y: area.bottom + 16, class: "middle" }, text));
      free = at + half + 10;
    }
    this.svg.append(make("text", { x: title ? (area.left + area.right) / 2 : area.left, y: area.bottom + 34, class: title ? "title middle" : "title" }, cut(axis.title, area.right)));
  }

  guides(body, x, y, area) {
    for (const [which, place, text] of this.chart.guides) {
      const at = which === "x" ? x(place) : y(place);
      body.append(make("path", { d: which === "x" ? `M${at} ${area.top}V${area.bottom}` : `M${area.left} ${at}H${area.right}`, class: "guide" }));
      const end = which === "x" && at < area.left + wide(text) + 10 ? "" : "end";
      body.append(make("text", { x: which === "x" ? at + (end ? -5 : 5) : area.right, y: which === "x" ? area.top - 5 : at - 5, class: `quiet ${end}` }, text));
    }
  }

  interval(at, low, high, first, last, vertical) {
    const bound = (value) => Math.min(Math.max(value, first), last);
    const a = bound(Math.min(low, high)), b = bound(Math.max(low, high));
    const point = (value, away) => (vertical ? `${at + away} ${value}` : `${value} ${at + away}`);
    // A bar at an end; an arrow where the interval goes on outside of the figure.
    const cap = (value, inside, inwards) => (inside ? `M${point(value, -4)}L${point(value, 4)}` :
      `M${point(value + 5 * inwards, -4)}L${point(value, 0)}L${point(value + 5 * inwards, 4)}`);
    const d = `M${point(a, 0)}L${point(b, 0)}` + cap(a, a === Math.min(low, high), 1) + cap(b, b === Math.max(low, high), -1);
    return make("path", { d, class: "interval" });
  }

  mark(group, series, point, place) {
    const size = series.ring ? 9 : series.small ? 3.2 : 4.8;
    const mark = shape(series.marker, size, place.x, place.y);
    mark.setAttribute("class", series.ring ? "mark around" : series.small && !series.line ? "mark hollow" : "mark");
    group.append(mark);
    if (!series.ring) this.targets.push({ text: point[2], ...place });
  }

  nameAll(named, area, lines) {
    const taken = [...lines, ...this.targets.map(({ x, y }) => [x - 7, y - 7, x + 7, y + 7])];
    for (const [text, { x, y }, series] of named) {
      const size = wide(text, 6.6);
      for (const [shift, rise, anchor] of [[10, 4, ""], [-10, 4, "end"], [0, -11, "middle"], [0, 20, "middle"], [10, -9, ""], [10, 17, ""], [-10, -9, "end"], [-10, 17, "end"]]) {
        const start = x + shift - (anchor === "end" ? size : anchor ? size / 2 : 0);
        const box = [start, y + rise - 11, start + size, y + rise + 3];
        const free = box[0] >= area.left && box[2] <= area.right + 12 && box[1] > area.top - 8 && box[3] < area.bottom;
        if (!free || taken.some((one) => box[0] < one[2] && box[2] > one[0] && box[1] < one[3] && box[3] > one[1])) continue;
        taken.push(box);
        this.svg.append(make("text", { x: x + shift, y: y + rise, class: `name ${anchor}` }, text));
        break;
      }
    }
  }

  hover(event) {
    const frame = this.svg.getBoundingClientRect(), x = event.clientX - frame.left, y = event.clientY - frame.top;
    const far = ({ from, to, x: at, y: height }) =>
      from === undefined ? Math.hypot(at - x, height - y) : Math.hypot(Math.max(from - x, 0, x - to), height - y);
    const distances = this.targets.map(far), nearest = Math.min(...distances);
    this.show(nearest < 44 ? distances.indexOf(nearest) : -1);
  }

  step(event) {
    const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") this.show(-1);
    if (!move || !this.targets.length) return;
    event.preventDefault();
    const count = this.targets.length;
    this.show(this.at < 0 ? (move > 0 ? 0 : count - 1) : (this.at + move + count) % count);
  }

  show(at) {
    if (at === this.at && at >= 0) return;
    this.at = at;
    this.svg.querySelector(".ring")?.remove();
    this.tip.hidden = at < 0;
    if (at < 0) return;
    const { text, x, y } = this.targets[at];
    this.tip.textContent = text;
    this.svg.append(make("circle", { cx: x, cy: y, r: 9, class: "ring" }));
    const width = this.box.clientWidth, size = this.tip.getBoundingClientRect();
    this.tip.style.left = `${Math.max(0, Math.min(x + 12, width - size.width))}px`;
    this.tip.style.top = `${y - size.height - 12 > 0 ? y - size.height - 12 : y + 14}px`;
  }
}

function toggle(name, all) {
  if (name === null) for (const plot of plots) for (const one of plot.buttons.keys()) all ? hidden.delete(one) : hidden.add(one);
  else hidden.has(name) ? hidden.delete(name) : hidden.add(name);
  for (const plot of plots) plot.draw();
}

for (const figure of document.querySelectorAll("figure[data-chart]")) plots.push(new Plot(figure));
