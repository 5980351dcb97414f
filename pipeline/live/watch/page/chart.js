// Charts of decisions through time on a canvas: bands, lines, steps, shares and marks, and what they are at the pointer.

const LEFT = 62, RIGHT = 10, TOP = 6, BOTTOM = 20;

export class Chart {
  // spec: { zero, share, format, series: [{ name, kind, color, dash, y | lower, upper | marks }] }; `y(point)` may be null.
  constructor(section, spec, clock) {
    this.spec = spec;
    this.clock = clock;
    this.points = [];
    this.marks = [];
    this.at = null;
    this.legend = add(section, "div", "legend");
    this.empty = add(section, "p", "empty chart-empty");
    this.canvas = add(section, "canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", section.querySelector("h2").textContent);
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => { this.at = null; this.draw(); });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show(points, marks, why) {
    this.points = points.filter((each) => this.spec.series.some((s) => known(values(s, each))));
    this.marks = marks;
    this.why = why;
    this.draw();
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const time = this.first + (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT) * (this.last - this.first);
    this.at = nearest(this.points, time);
    this.draw();
  }

  draw() {
    const any = this.points.length > 0;
    this.canvas.hidden = this.legend.hidden = !any;
    this.empty.hidden = any;
    this.empty.textContent = this.why;
    if (!any) return;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const to = this.canvas.getContext("2d");
    to.scale(ratio, ratio);
    this.first = this.points[0].at;
    this.last = Math.max(this.points.at(-1).at, this.first + 1000);
    const [low, high] = this.range();
    const x = (time) => LEFT + (time - this.first) / (this.last - this.first) * (width - LEFT - RIGHT);
    const y = (value) => TOP + (high - value) / (high - low) * (height - TOP - BOTTOM);
    this.axes(to, x, y, low, high, width, height);
    to.save();
    to.beginPath();
    to.rect(LEFT, TOP - 2, width - LEFT - RIGHT, height - TOP - BOTTOM + 4);
    to.clip();
    for (const each of this.spec.series) this[each.kind](to, each, x, y);
    to.restore();
    if (this.at) this.cross(to, x(this.at.at), height);
    this.tell(this.at || this.points.at(-1));
  }

  range() {
    if (this.spec.share) return [0, 1];
    let low = Infinity, high = -Infinity;
    for (const point of this.points)
      for (const each of this.spec.series)
        for (const value of values(each, point))
          if (value !== null && value !== undefined) { low = Math.min(low, value); high = Math.max(high, value); }
    if (this.spec.zero) { low = Math.min(low, 0); high = Math.max(high, 0); }
    const room = (high - low) * 0.06 || Math.abs(high) * 0.01 || 1;
    return [low === 0 && this.spec.zero ? 0 : low - room, high + room];
  }

  axes(to, x, y, low, high, width, height) {
    to.font = "11px system-ui, sans-serif";
    to.fillStyle = color("--dim");
    to.strokeStyle = color("--grid");
    to.lineWidth = 1;
    to.textAlign = "right";
    to.textBaseline = "middle";
    const step = nice((high - low) / Math.max(3, Math.floor((height - 30) / 36)));
    for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) {
      const place = Math.round(y(value)) + 0.5;
      line(to, LEFT, place, width - RIGHT, place);
      to.fillText(this.spec.format(Math.abs(value) < step * 1e-9 ? 0 : value, step), LEFT - 7, place);
    }
    to.textBaseline = "top";
    const many = Math.max(2, Math.floor((width - LEFT) / 110));
    for (let k = 0; k <= many; k++) {
      const time = this.first + (this.last - this.first) * k / many;
      to.textAlign = k === 0 ? "left" : k === many ? "right" : "center";
      to.fillText(this.clock(time, this.last - this.first), x(time), height - BOTTOM + 6);
    }
  }

  area(to, series, x, y) {
    to.fillStyle = color(series.color);
    for (const run of runs(this.points, series)) {
      to.beginPath();
      run.forEach((point, k) => {
        const place = y(series.upper(point));
        if (k === 0) to.moveTo(x(point.at), place);
        else { if (series.step) to.lineTo(x(point.at), y(series.upper(run[k - 1]))); to.lineTo(x(point.at), place); }
      });
      for (let k = run.length - 1; k >= 0; k--) {
        to.lineTo(x(run[k].at), y(series.lower(run[k])));
        if (series.step && k > 0) to.lineTo(x(run[k].at), y(series.lower(run[k - 1])));
      }
      to.fill();
    }
  }

  line(to, series, x, y) {
    to.strokeStyle = color(series.color);
    to.lineWidth = series.width || 1.6;
    to.setLineDash(series.dash || []);
    for (const run of runs(this.points, series)) {
      to.beginPath();
      run.forEach((point, k) => {
        const place = y(series.y(point));
        if (k === 0) to.moveTo(x(point.at), place);
        else { if (series.step) to.lineTo(x(point.at), y(series.y(run[k - 1]))); to.lineTo(x(point.at), place); }
      });
      to.stroke();
    }
    to.setLineDash([]);
  }

  dots(to, series, x, y) {
    for (const mark of this.marks) {
      const place = y(mark.price), size = this.marks.length > 80 ? 3 : 4.5, up = mark.units > 0 ? -1 : 1;
      to.fillStyle = color(mark.units > 0 ? "--buy" : "--sell");
      to.beginPath();
      to.moveTo(x(mark.at), place);
      to.lineTo(x(mark.at) - size, place - up * size * 1.6);
      to.lineTo(x(mark.at) + size, place - up * size * 1.6);
      to.fill();
    }
  }

  cross(to, place, height) {
    to.strokeStyle = color("--dim");
    to.setLineDash([2, 3]);
    line(to, place, TOP, place, height - BOTTOM);
    to.setLineDash([]);
  }

  tell(point) {
    this.legend.replaceChildren();
    const when = add(this.legend, "span");
    when.textContent = this.clock(point.at, 0);
    for (const series of this.spec.series) {
      const item = add(this.legend, "span");
      if (series.kind !== "dots") {
        const key = add(item, "i", series.kind === "area" ? "block" : "");
        key.style.background = color(series.color);
      }
      item.append(series.name + " ");
      const told = series.kind === "dots" ? "" : series.tell ? series.tell(point)
        : values(series, point).map((value) => value === null || value === undefined ? "–" : this.spec.format(value)).join(" … ");
      add(item, "b").textContent = told;
    }
  }
}

export function add(to, kind, name = "") {
  const made = document.createElement(kind);
  if (name) made.className = name;
  to.append(made);
  return made;
}

function values(series, point) {
  if (series.kind === "dots") return [];
  return series.kind === "area" ? [series.lower(point), series.upper(point)] : [series.y(point)];
}

const known = (found) => found.length > 0 && found.every((value) => value !== null && value !== undefined);

function runs(points, series) {
  const found = [];
  let run = [];
  for (const point of points) {
    if (known(values(series, point))) run.push(point);
    else if (run.length) { found.push(run); run = []; }
  }
  if (run.length) found.push(run);
  return found;
}

function nearest(points, time) {
  let low = 0, high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].at < time) low = middle + 1; else high = middle;
  }
  const before = points[low - 1];
  return before && time - before.at < points[low].at - time ? before : points[low];
}

function nice(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return power * ([1, 2, 2.5, 5].find((each) => each * power >= step) || 10);
}

function line(to, x0, y0, x1, y1) {
  to.beginPath();
  to.moveTo(x0, y0);
  to.lineTo(x1, y1);
  to.stroke();
}

export const color = (name) => name.startsWith("--") ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : name;
