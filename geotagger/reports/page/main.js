// Connects the parts: the chosen photo, the filters, the keys.

const HELP = [
  ["Photos", [["↓ ↑", "next, previous photo (also j, k)"], ["Home End", "first, last"], ["/", "search"], ["f", "filters"], ["Esc", "close what is open; deselect the photo"]]],
  ["Map", [["Tab", "to the map, then:"], ["← ↑ → ↓", "move; with Shift, farther"], ["+ −", "zoom"], ["0", "show all photos"], ["Enter", "choose the photos under the cross"], ["c", "centre the chosen photo"]]],
];
const HELP_REVIEW = [
  "Review",
  [["a", "approve, and go to the next undecided photo"], ["r", "reject, and go to the next undecided photo"], ["n", "next undecided photo"], ["1 … 9", "take an alternative, then a"], ["p", "type a place"], ["m", "move the pin with arrow keys; or drag it"], ["t", "note"], ["x", "select or deselect; also Shift with ↓ ↑"], ["Shift+A Shift+R", "approve, reject the selection"], ["u", "undo"], ["w", "write the approved photos"]],
];

class App {
  async start() {
    this.setup = JSON.parse(dataText("setup"));
    this.store = this.setup.review ? new ServerStore(this.setup) : new FileStore(this.setup);
    document.body.classList.toggle("reviewing", this.setup.review);
    this.view = new MapView($("#map"), () => this.moved());
    this.columns = await this.store.columns();
    const { columns } = this;
    columns.x = Float64Array.from(columns.lon, worldX);
    columns.y = Float64Array.from(columns.lat, (lat) => (Number.isNaN(lat) ? NaN : worldY(lat)));
    Object.assign(this.view, { columns, reviewing: this.setup.review });
    this.chosen = null;
    this.review = this.setup.review ? new Review(this) : null;
    this.filters = new Filters(columns, this.store, () => this.refresh());
    this.list = new List(columns, this.store, (id) => this.choose(id));
    this.details = new Details(columns, this.store, this.detailActions());
    this.addListeners();
    this.review?.start();
    this.legend();
    this.refresh();
    this.view.fit(this.shown, false);
    await pause();
    this.view.outlines = await Outlines.read(JSON.parse(dataText("outlines")), await this.store.towns());
    this.view.recolour();
    document.body.dataset.ready = "yes";
    await this.view.outlines.prepare();
  }

  detailActions() {
    return {
      close: () => this.deselect(),
      parts: (id, cells) => this.review?.parts(id, cells) ?? [],
      picture: async (id) => (this.review ? `photos/${id}/preview` : this.store.picture(id)),
      whyNoPicture: async (source) => (this.review ? this.review.whyNoPicture(source) : "this picture is damaged"),
      alternative: (i) => this.takeAlternative(i),
      alternativeTitle: (i) => (this.review ? `Take it: key ${i + 1}` : "Show it on the map"),
    };
  }

  addListeners() {
    listen(this.view, {
      choose: (mark, adding) => this.chooseMark(mark, adding),
      alternative: (i) => this.takeAlternative(i),
      hover: (mark, left, top) => this.tip(mark, left, top),
      canDrag: () => this.review !== null && this.chosen !== null,
      drag: (lat, lon) => this.review.drag(lat, lon),
      drop: (lat, lon) => this.review.drop(lat, lon),
    });
    $("#zoom-in").addEventListener("click", () => this.view.zoomBy(1));
    $("#zoom-out").addEventListener("click", () => this.view.zoomBy(-1));
    $("#zoom-all").addEventListener("click", () => this.view.fit(this.shown));
    $("#tiles").addEventListener("change", (event) => this.switchTiles(event.target.checked));
    $("#help-open").addEventListener("click", () => this.help());
    $("#here-clear").addEventListener("click", () => this.showHere(null));
    for (const button of $$("[data-view]", $(".views"))) button.addEventListener("click", () => this.switchView(button.dataset.view));
    document.addEventListener("keydown", (event) => this.keydown(event));
    document.addEventListener("visibilitychange", () => this.view.redraw());
  }

  /** After a change of filters, order or decisions. */
  refresh() {
    this.shown = this.filters.apply(this.view);
    const here = this.filters.here && new Set(this.filters.here);
    const listed = here ? this.shown.filter((id) => here.has(id)) : this.shown;
    const all = this.columns.rows;
    const some = this.shown.length === all ? "" : ` of ${all.toLocaleString("en")}`;
    const unplaced = this.shown.reduce((sum, id) => sum + Number.isNaN(this.columns.x[id]), 0);
    $("#counts").textContent = `${this.shown.length.toLocaleString("en")}${some} ${all === 1 ? "photo" : "photos"}${unplaced ? `, ${unplaced.toLocaleString("en")} without a place` : ""}`;
    this.view.show(this.shown);
    this.list.show(listed, this.chosen);
    this.review?.refresh();
  }

  /** Chooses a photo. With `near`, the map moves if the photo is not visible. */
  async choose(id, near = true) {
    this.chosen = id;
    Object.assign(this.view, { chosen: id, proposal: null, alternatives: [] });
    document.body.classList.add("choosing");
    this.list.point(id);
    this.view.measure();
    if (near && !Number.isNaN(this.columns.x[id])) this.bring(id);
    this.view.redraw();
    const cells = await this.details.show(id);
    if (!cells || this.chosen !== id) return;
    this.view.alternatives = (cells.alternatives ?? []).slice(0, 9);
    this.view.redraw();
  }

  bring(id) {
    const [left, top] = this.view.at(this.columns.x[id], this.columns.y[id]);
    if (left < 40 || top < 60 || left > this.view.width - 40 || top > this.view.height - 50) this.view.fly(this.columns.x[id], this.columns.y[id], this.view.zoom);
  }

  deselect() {
    if (this.chosen === null) return;
    this.chosen = null;
    document.body.classList.remove("choosing");
    Object.assign(this.view, { chosen: null, proposal: null, alternatives: [] });
    this.details.empty();
    this.list.point(null);
    this.view.redraw();
    this.list.box.focus();
  }

  /** A click on a mark: chooses its photo; zooms to several photos, or lists them. */
  chooseMark(mark, adding) {
    if (adding && this.review) return this.review.pick(mark.ids);
    if (mark.ids.length === 1) return this.choose(mark.ids[0], false);
    const [x, y] = [this.columns.x[mark.ids[0]], this.columns.y[mark.ids[0]]];
    const spread = mark.ids.some((id) => Math.hypot(this.columns.x[id] - x, this.columns.y[id] - y) * TILE_PX * 2 ** MAX_ZOOM > 40);
    if (spread && this.view.zoom < 10) return this.view.fit(mark.ids);
    return this.showHere(mark.ids);
  }

  /** Shows only the photos of a mark in the list; null for all. */
  showHere(ids) {
    this.filters.here = ids;
    $("#chosen-here").hidden = !ids;
    if (ids) $("#chosen-here span").textContent = `${count(ids.length, "photo")} at one spot`;
    this.refresh();
    if (ids) {
      if (matchMedia("(max-width: 760px)").matches) this.switchView("list");
      this.list.go(0);
    }
  }

  takeAlternative(i) {
    const place = this.view.alternatives[i];
    if (!place) return;
    if (this.review) this.review.propose({ lat: place.lat, lon: place.lon, radius_km: 10, name: placeName(place) });
    const [left, top] = this.view.at(worldX(place.lon), worldY(place.lat));
    if (left < 30 || top < 50 || left > this.view.width - 30 || top > this.view.height - 30) this.view.fly(worldX(place.lon), worldY(place.lat), this.view.zoom);
  }

  moved() {
    this.view.scale($("#scale"));
    if (this.filters && $("#filter-view").checked) this.refresh();
  }

  tip(mark, left, top) {
    const tip = $("#tip");
    tip.hidden = !mark;
    if (!mark) return;
    const id = mark.ids[0];
    if (mark.ids.length > 1) tip.textContent = count(mark.ids.length, "photo");
    else this.store.row(id).then((cells) => (tip.textContent = `${fileName(cells.path)}: ${placeName(cells) || NAMES[cells.status]}`));
    tip.style.left = `${Math.min(left + 14, this.view.width - 220)}px`;
    tip.style.top = `${top + 16}px`;
  }

  switchTiles(on) {
    this.view.tiles = on ? new Tiles(() => this.view.redraw()) : null;
    $("#credit").replaceChildren(on ? element("a", { href: "https://www.openstreetmap.org/copyright", rel: "noreferrer", target: "_blank" }, "© OpenStreetMap contributors") : "Natural Earth");
    announce(on ? "On: openstreetmap.org serves the map, and sees which area you look at." : "Off: nothing is loaded from the network.");
    this.view.stale = true;
    this.view.redraw();
  }

  legend() {
    const { columns } = this;
    const kinds = columns.statuses.filter((_, i) => columns.status.includes(i));
    const shown = this.review ? [...kinds, "approved", "corrected", "rejected"] : kinds;
    $("#legend").append(...shown.map((kind) => element("li", {}, icon(kind, kind), NAMES[kind])));
    $("#credit").textContent = "Natural Earth";
    if (this.review) $("h1").textContent = "Review";
  }

  switchView(name) {
    $("#main").dataset.view = name;
    for (const button of $$("[data-view]", $(".views"))) button.setAttribute("aria-pressed", button.dataset.view === name);
    this.list.later();
  }

  help() {
    const groups = this.review ? [...HELP, HELP_REVIEW] : HELP;
    const keys = groups.map(([title, rows]) =>
      element("section", {}, element("h3", {}, title), element("dl", {}, ...rows.flatMap(([names, text]) => [element("dt", {}, ...names.split(" ").flatMap((name) => (name === "…" ? [" … "] : [element("kbd", {}, name), " "]))), element("dd", {}, text)]))),
    );
    $("#help-text").replaceChildren(
      element("p", {}, "Each photo is shown at the most probable place, according to its picture, the text in it and the camera clock. The dashed circle holds 90 % of the probability. These are predictions, not measurements."),
      element("p", {}, this.setup.review ? "Decisions are kept beside the report at once. Nothing is written into photos before you press Write." : `This page is one file and loads nothing. ${this.setup.thumbnails ? `${count(this.setup.pictures, "photo")} of ${this.columns.rows.toLocaleString("en")} with a small picture inside.` : "It holds no pictures."}`),
      ...keys,
    );
    $("#help").showModal();
  }

  keydown(event) {
    if (event.key === "Escape" && !$("dialog[open]")) return this.escape(event);
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const { view, list } = this;
    if (this.review?.keydown(event)) return event.preventDefault();
    const keys = {
      "?": () => this.help(),
      "/": () => this.focusOn("#search"),
      f: () => this.filters.open($("#filters").hidden),
      j: () => list.go(list.index + 1),
      k: () => list.go(list.index - 1),
      ArrowDown: () => list.go(list.index + 1),
      ArrowUp: () => list.go(list.index - 1),
      "+": () => view.zoomBy(1),
      "=": () => view.zoomBy(1),
      "-": () => view.zoomBy(-1),
      0: () => view.fit(this.shown),
      c: () => view.centre(),
    };
    if (!keys[event.key] || event.target.closest("button, a") && event.key.length > 1) return;
    event.preventDefault();
    keys[event.key]();
  }

  focusOn(selector) {
    this.switchView("list");
    $(selector).focus();
  }

  escape(event) {
    if (this.review?.escape()) return;
    if (isTyping(event.target)) {
      if (!$("#filters").hidden && event.target.closest("#filters")) this.filters.open(false);
      this.list.box.focus();
    } else if (!$("#filters").hidden) this.filters.open(false);
    else if (this.filters.here) this.showHere(null);
    else this.deselect();
  }
}

const app = new App();
app.start().catch((error) => {
  document.body.append(element("p", { class: "fatal", role: "alert" }, `This page could not be shown: ${error.message}`));
  throw error;
});
