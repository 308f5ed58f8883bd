"use strict";
const $ = (id) => document.getElementById(id);

// Packed blocks
async function unpacked(id) {
  const text = atob($(id).textContent.trim());
  const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
const json = async (id) => JSON.parse(new TextDecoder().decode(await unpacked(id)));

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Light and dark
$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

// Sortable tables
function sortKey(cell) {
  const text = cell ? (cell.dataset.v ?? cell.textContent.trim()) : "";
  const number = Number(text.replace("−", "-"));
  return text === "" ? null : Number.isNaN(number) ? text : number;
}
function compare(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}
function sortBy(head) {
  const table = head.closest("table"), column = head.cellIndex, body = table.tBodies[0];
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...body.rows].map((row) => [sortKey(row.cells[column]), row]);
  rows.sort(([a], [b]) => (a === null || b === null ? compare(a, b) : down ? compare(b, a) : compare(a, b)));
  body.append(...rows.map(([, row]) => row));
}
for (const head of document.querySelectorAll("table.sortable th")) {
  head.tabIndex = 0;
  head.addEventListener("click", () => sortBy(head));
  head.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); sortBy(head); } });
}

// Zoom
let view = null;
function show(svg) {
  const copy = svg.cloneNode(true);
  const [x, y, w, h] = copy.getAttribute("viewBox").split(" ").map(Number);
  copy.removeAttribute("width");
  copy.removeAttribute("height");
  view = { svg: copy, whole: [x, y, w, h], now: [x, y, w, h] };
  $("zoom-sheet").replaceChildren(copy);
  $("zoom").showModal();
}
function apply() { view.svg.setAttribute("viewBox", view.now.join(" ")); }
function scale() {
  const box = $("zoom-sheet").getBoundingClientRect(), [, , w, h] = view.now;
  return { box, unit: Math.max(w / box.width, h / box.height) };
}
$("zoom-sheet").addEventListener("wheel", (e) => {
  e.preventDefault();
  const { box, unit } = scale(), [x, y, w, h] = view.now;
  const factor = Math.min(Math.max(Math.exp(e.deltaY * 0.0015), view.whole[2] / 40 / w), (2 * view.whole[2]) / w);
  const px = x + w / 2 + (e.clientX - box.left - box.width / 2) * unit;
  const py = y + h / 2 + (e.clientY - box.top - box.height / 2) * unit;
  view.now = [px - (px - x) * factor, py - (py - y) * factor, w * factor, h * factor];
  apply();
}, { passive: false });
$("zoom-sheet").addEventListener("pointermove", (e) => {
  if (!(e.buttons & 1)) return;
  const { unit } = scale();
  view.now[0] -= e.movementX * unit;
  view.now[1] -= e.movementY * unit;
  apply();
});
$("zoom-sheet").addEventListener("dblclick", () => { view.now = [...view.whole]; apply(); });
$("zoom-close").addEventListener("click", () => $("zoom").close());
for (const sheet of document.querySelectorAll(".sheet")) {
  sheet.addEventListener("click", () => show(sheet.querySelector("svg")));
  sheet.addEventListener("keydown", (e) => { if (e.key === "Enter") show(sheet.querySelector("svg")); });
}

// Figures as files
const fonts = () => (document.querySelector("style").textContent.match(/@font-face\{[^}]*\}/g) ?? []).join("");
document.addEventListener("click", async (e) => {
  const { svg, json: numbers } = e.target.dataset ?? {};
  if (svg) {
    const copy = $(svg).querySelector("svg").cloneNode(true);
    const style = document.createElementNS(copy.namespaceURI, "style");
    style.textContent = fonts();
    copy.prepend(style);
    save(`${svg}.svg`, "image/svg+xml", new XMLSerializer().serializeToString(copy));
  }
  if (numbers) save(`${numbers}.json`, "application/json", JSON.stringify((await json("numbers"))[numbers], null, 1));
});

// Stars
const ROW = 24;
async function stars() {
  if (!$("star-head")) return;
  const { wave, columns, provenance, stars } = await json("star-head");
  const bytes = await unpacked("star-spectra");
  const n = wave.length;
  let rows = [], at = 0;

  function spectrum(i) {
    const [, , , , low, step] = stars[i], start = 2 * n * i;
    const model = [], flux = [], levels = [];
    let last = 0;
    for (let j = 0; j < n; j++) {
      const code = bytes[start + j];
      if (code === 255) { levels.push(null); model.push(null); continue; }
      last = (last + code) % 255;
      levels.push(last);
      model.push(low + last * step);
    }
    let ground = 127;
    for (let j = 0; j < n; j++) {
      ground = levels[j] ?? ground;
      const code = bytes[start + n + j];
      flux.push(code === 255 ? null : low + ((ground + code) % 255) * step);
    }
    return { model, flux };
  }

  const shown = (value, decimals) => (value === null ? "–" : value.toFixed(decimals).replace("-", "−"));
  function path(values, x, y) {
    let d = "", pen = false;
    values.forEach((v, j) => {
      if (v === null) { pen = false; return; }
      d += `${pen ? "L" : "M"}${x(wave[j]).toFixed(1)} ${y(v).toFixed(1)}`;
      pen = true;
    });
    return d;
  }
  function ticks(from, to, count) {
    const rough = (to - from) / count, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough * 0.9);
    const found = [];
    for (let k = Math.ceil(from / step); k * step <= to; k++) found.push([k * step, (k * step).toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9))).replace("-", "−")]);
    return found;
  }
  function panel([from, to], [top, bottom], x, label, lines) {
    const y = (v) => bottom - ((v - from) / (to - from)) * (bottom - top);
    let out = `<rect x="52" y="${top}" width="838" height="${bottom - top}" fill="none" stroke="currentColor" stroke-width=".8"/>`;
    for (const [v, text] of ticks(from, to, Math.max(3, (bottom - top) / 40))) out += `<path d="M52 ${y(v)}h5M890 ${y(v)}h-5" stroke="currentColor"/><text x="46" y="${y(v) + 4}" text-anchor="end">${text}</text>`;
    for (const [v] of ticks(wave[0], wave[n - 1], 7)) out += `<path d="M${x(v)} ${bottom}v-5M${x(v)} ${top}v5" stroke="currentColor"/>`;
    out += `<text transform="rotate(-90 12 ${(top + bottom) / 2})" x="12" y="${(top + bottom) / 2}" text-anchor="middle">${label}</text>`;
    for (const [values, color, width] of lines) out += `<path d="${path(values, x, y)}" fill="none" stroke="${color}" stroke-width="${width}" stroke-linejoin="round"/>`;
    return out;
  }
  const around = (values) => {
    const known = values.filter((v) => v !== null);
    if (!known.length) return [0, 1];
    const low = Math.min(...known), high = Math.max(...known), room = 0.06 * (high - low || 1);
    return [low - room, high + room];
  };
  function draw(i) {
    const { model, flux } = spectrum(i);
    const residual = flux.map((f, j) => (f === null || model[j] === null ? null : f - model[j]));
    const x = (w) => 52 + ((w - wave[0]) / (wave[n - 1] - wave[0])) * 838;
    const hasModel = model.some((v) => v !== null);
    const [floor, ceiling] = around([...flux, ...model]);
    let out = panel([floor, ceiling + 0.12 * (ceiling - floor)], [10, hasModel ? 290 : 400], x, "normalized flux", [[flux, "currentColor", 0.9], [model, "#d55e00", 1.4]]);
    if (hasModel) {
      const [low, high] = around(residual), reach = Math.max(Math.abs(low), Math.abs(high));
      out += panel([-reach, reach], [300, 400], x, "residual", [[wave.map(() => 0), "#8c8c8c", 0.7], [residual, "var(--bar)", 0.9]]);
    }
    for (const [v, text] of ticks(wave[0], wave[n - 1], 7)) out += `<text x="${x(v)}" y="417" text-anchor="middle">${text}</text>`;
    out += `<text x="471" y="437" text-anchor="middle">vacuum wavelength (Å)</text>`;
    if (hasModel) out += `<g><path d="M690 24h22" stroke="currentColor" stroke-width="1.4"/><text x="717" y="28">observed</text><path d="M790 24h22" stroke="#d55e00" stroke-width="1.6"/><text x="817" y="28">best fit</text></g>`;
    $("star-view").innerHTML = `<svg viewBox="0 0 900 444" font-size="13" fill="currentColor" role="img" aria-label="Spectrum, best fit and residual">${out}</svg>`;
  }
  function facts(i) {
    const [obsid, values, flags, source] = stars[i];
    const parts = [];
    const add = (name, text, long) => {
      const div = document.createElement("div"), span = document.createElement("span");
      span.textContent = `${name} `;
      div.append(span, text);
      if (long) div.className = "long";
      parts.push(div);
    };
    add("obsid", obsid);
    columns.forEach(([name, unit, decimals], k) => add(name, shown(values[k], decimals) + (unit && values[k] !== null ? ` ${unit}` : "")));
    add("flags", flags.length ? flags.join(", ") : "none", true);
    if (source) add("source", source, true);
    for (const [column, made] of provenance) add(column, `← ${made}`, true);
    $("star-facts").replaceChildren(...parts);
  }

  const list = $("star-list"), spacer = document.createElement("div");
  function paint() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 3);
    const last = Math.min(rows.length, first + Math.ceil(list.clientHeight / ROW) + 6);
    const sorted = $("star-sort").selectedIndex - 1;
    const drawn = [];
    for (let k = first; k < last; k++) {
      const row = document.createElement("div"), i = rows[k];
      row.className = "row";
      row.style.top = `${k * ROW}px`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(k === at));
      const id = document.createElement("b"), value = document.createElement("i");
      id.textContent = stars[i][0];
      if (sorted >= 0) value.textContent = shown(stars[i][1][sorted], columns[sorted][2]);
      row.append(id, value);
      row.addEventListener("click", () => select(k));
      drawn.push(row);
    }
    spacer.style.height = `${rows.length * ROW}px`;
    list.replaceChildren(spacer, ...drawn);
  }
  function select(k) {
    if (!rows.length) { $("star-view").textContent = "No spectrum fits."; $("star-facts").replaceChildren(); paint(); return; }
    at = Math.min(Math.max(k, 0), rows.length - 1);
    draw(rows[at]);
    facts(rows[at]);
    if (at * ROW < list.scrollTop) list.scrollTop = at * ROW;
    if ((at + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (at + 1) * ROW - list.clientHeight;
    paint();
  }
  function choose() {
    const text = $("star-search").value.trim(), flag = $("star-flag").value, sorted = $("star-sort").selectedIndex - 1;
    rows = stars.map((_, i) => i).filter((i) => stars[i][0].includes(text) && (!flag || (flag === "none" ? !stars[i][2].length : stars[i][2].includes(flag))));
    if (sorted >= 0) rows.sort((a, b) => compare(stars[a][1][sorted], stars[b][1][sorted]));
    list.scrollTop = 0;
    select(0);
  }

  $("star-sort").append(new Option("file order", ""), ...columns.map(([name]) => new Option(name, name)));
  const flags = [...new Set(stars.flatMap((star) => star[2]))].sort();
  $("star-flag").append(new Option("any", ""), new Option("none", "none"), ...flags.map((flag) => new Option(flag, flag)));
  $("star-search").addEventListener("input", choose);
  $("star-sort").addEventListener("change", choose);
  $("star-flag").addEventListener("change", choose);
  $("star-before").addEventListener("click", () => select(at - 1));
  $("star-next").addEventListener("click", () => select(at + 1));
  list.addEventListener("scroll", paint);
  list.addEventListener("keydown", (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 }[e.key];
    if (step) { e.preventDefault(); select(at + step); }
  });
  function ask() {
    const asked = new URLSearchParams(location.hash.slice(1)).get("obsid");
    if (!asked) return;
    $("star-search").value = asked;
    $("stars").scrollIntoView();
    choose();
  }
  addEventListener("hashchange", ask);
  choose();
  ask();
}
stars().catch((error) => { if ($("star-view")) $("star-view").textContent = `The stars could not be unpacked: ${error}`; });
