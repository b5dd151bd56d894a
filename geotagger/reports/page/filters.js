// Filters and sorts the photos.

const NAMES = {
  predicted: "place named",
  tagged: "written into the photo",
  unsure: "unsure",
  skipped: "skipped",
  failed: "failed",
  city: "city",
  region: "region",
  country: "country",
  continent: "continent",
  none: "none",
  agree: "agrees with the prediction",
  far: "far from the prediction",
  no_gps: "none",
  invalid: "invalid",
  "": "not compared",
  undecided: "undecided",
  approved: "approved",
  corrected: "corrected",
  rejected: "rejected",
};

/** Fieldsets of check boxes, and the columns whose values they name. */
const CHOICES = { "#filter-status": "status", "#filter-level": "level", "#filter-check": "check", "#filter-decision": "state" };

class Filters {
  constructor(columns, store, onChange) {
    Object.assign(this, { columns, store, onChange, here: null, found: null, sort: "order", down: false });
    const change = () => this.onChange();
    $("#filters").addEventListener("input", change);
    $("#filters").addEventListener("submit", (event) => event.preventDefault());
    $("#filters-open").addEventListener("click", () => this.open($("#filters").hidden));
    $("#filters-clear").addEventListener("click", () => this.clear());
    const search = debounce(() => this.search($("#search").value), 160);
    $("#search").addEventListener("input", search);
    for (const button of $$("[data-sort]")) button.addEventListener("click", () => this.sortBy(button.dataset.sort));
  }

  /** Offers the values that there are, with their counts; what was chosen stays chosen. */
  count() {
    const names = { status: this.columns.statuses, level: this.columns.levels, check: this.columns.checks, state: STATES };
    this.boxes = Object.fromEntries(Object.entries(CHOICES).map(([where, name]) => [name, this.ticks(where, names[name], this.columns[name], name === "state")]));
    this.sources = this.sourceTicks();
    this.countries();
    if ($("#search").value.trim()) this.search($("#search").value);
  }

  open(shown) {
    $("#filters").hidden = !shown;
    $("#filters-open").setAttribute("aria-expanded", shown);
    if (shown) $("#filter-country").focus();
  }

  /** Check boxes for the values of a column, with their counts. */
  ticks(where, names, column, all = false) {
    const counts = new Uint32Array(names.length);
    for (const value of column) counts[value]++;
    const values = names.map((_, i) => i).filter((i) => all || counts[i]);
    const boxes = values.map((i) => [i, this.box(where, names[i])]);
    const labels = boxes.map(([i, box]) => {
      const number = element("small", {}, all ? "" : counts[i].toLocaleString("en"));
      return element("label", { class: "tick" }, box, where === "#filter-status" || (all && i) ? icon(names[i], names[i]) : "", NAMES[names[i]] ?? names[i], " ", number);
    });
    this.replaceTicks(where, labels);
    return boxes;
  }

  /** A check box, set as the one of that value was before. */
  box(where, value) {
    const box = element("input", { type: "checkbox", value });
    box.checked = $$("input", $(where)).some((before) => before.value === value && before.checked);
    return box;
  }

  replaceTicks(where, labels) {
    const focused = $(where).contains(document.activeElement) ? document.activeElement.value : null;
    $(where).replaceChildren($("legend", $(where)), ...labels);
    $(where).classList.toggle("single", labels.length < 2 && where !== "#filter-sources" || !labels.length);
    if (focused !== null) $$("input", $(where)).find((box) => box.value === focused)?.focus();
  }

  sourceTicks() {
    const where = "#filter-sources";
    const labels = [];
    const boxes = this.columns.names_of_sources.map((name, i) => {
      const box = this.box(where, name);
      const number = this.columns.sources.reduce((sum, bits) => sum + ((bits >> i) & 1), 0);
      if (number) labels.push(element("label", { class: "tick" }, box, name, " ", element("small", {}, number.toLocaleString("en"))));
      return box;
    });
    this.replaceTicks(where, labels);
    return boxes;
  }

  countries() {
    const counts = new Array(this.columns.countries.length).fill(0);
    for (const country of this.columns.country) counts[country]++;
    const options = this.columns.countries.map(([code, name], i) => ({ i, name: plain(name || code) || "none", number: counts[i] }));
    options.sort((a, b) => a.name.localeCompare(b.name));
    const shown = options.filter(({ number }) => number);
    const chosen = $("#filter-country").value;
    $("#filter-country").replaceChildren(
      element("option", { value: "" }, "All countries"),
      ...shown.map(({ i, name, number }) => element("option", { value: i }, `${name} (${number.toLocaleString("en")})`)),
    );
    $("#filter-country").value = chosen;
  }

  async search(text) {
    const asked = (this.asked = (this.asked ?? 0) + 1);
    const found = text.trim() ? await this.store.search(text) : null;
    if (asked !== this.asked) return;
    this.found = found;
    this.onChange();
  }

  sortBy(name) {
    this.down = this.sort === name ? !this.down : name === "confidence";
    this.sort = name;
    for (const button of $$("[data-sort]")) {
      const chosen = button.dataset.sort === name;
      button.setAttribute("aria-pressed", chosen);
      button.dataset.down = chosen && this.down;
      const way = { order: "as in the report", country: "A to Z", day: "oldest first", confidence: "lowest first" }[name];
      button.title = chosen ? (this.down ? `reversed: ${way}` : way) : "";
    }
    this.onChange();
  }

  clear() {
    $("#filters").reset();
    $("#search").value = "";
    Object.assign(this, { found: null, here: null });
    this.onChange();
  }

  /** The filters that are set, as functions of a row. */
  conditions(view) {
    const { columns } = this;
    const asked = [];
    const country = $("#filter-country").value;
    if (country !== "") asked.push((id) => columns.country[id] === Number(country));
    const low = Number($("#filter-low").value || 0) / 100;
    const high = Number($("#filter-high").value || 100) / 100;
    if (low > 0) asked.push((id) => columns.confidence[id] >= low - 1e-6);
    if (high < 1) asked.push((id) => columns.confidence[id] <= high + 1e-6);
    const dayOf = (text) => Math.floor(Date.parse(`${text}T00:00:00Z`) / 864e5);
    const from = $("#filter-from").value;
    const to = $("#filter-to").value;
    if (from) asked.push((id) => columns.day[id] >= dayOf(from));
    if (to) asked.push((id) => columns.day[id] !== NO_DAY && columns.day[id] <= dayOf(to));
    for (const [name, boxes] of Object.entries(this.boxes)) {
      const column = columns[name];
      const wanted = new Set(boxes.filter(([, box]) => box.checked).map(([i]) => i));
      if (wanted.size) asked.push((id) => wanted.has(column[id]));
    }
    const bits = this.sources.reduce((sum, box, i) => sum | (box.checked ? 1 << i : 0), 0);
    if (bits) asked.push((id) => columns.sources[id] & bits);
    if ($("#filter-view").checked) asked.push((id) => view.inView(id));
    return asked;
  }

  /** The photos that pass the filters, sorted. */
  apply(view) {
    const asked = this.conditions(view);
    const { columns, found } = this;
    const ids = [];
    for (let id = 0; id < columns.rows; id++) {
      if ((!found || found[id]) && asked.every((passes) => passes(id))) ids.push(id);
    }
    $("#filters-count").textContent = asked.length ? ` ${asked.length}` : "";
    if (this.sort !== "order") this.sortIds(ids);
    else if (this.down) ids.reverse();
    return ids;
  }

  sortIds(ids) {
    const { columns } = this;
    const rank = columns.countries.map((_, i) => i).sort((a, b) => columns.countries[a][1].localeCompare(columns.countries[b][1]));
    const place = new Map(rank.map((country, i) => [country, i]));
    const least = this.down ? -Infinity : Infinity;
    const value = {
      country: (id) => (columns.country[id] ? place.get(columns.country[id]) : least),
      day: (id) => (columns.day[id] === NO_DAY ? least : columns.day[id]),
      confidence: (id) => (Number.isNaN(columns.confidence[id]) ? least : columns.confidence[id]),
    }[this.sort];
    const values = Float64Array.from({ length: columns.rows }, (_, id) => value(id));
    const way = this.down ? -1 : 1;
    ids.sort((a, b) => (values[a] === values[b] ? a - b : way * (values[a] - values[b] || 0)));
  }
}
