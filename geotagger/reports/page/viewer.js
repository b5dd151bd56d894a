// The map, the list and the chosen photo, and the keys that move between them.

const HELP = [
  ["Photos", [["↓ ↑", "next, previous photo (also j, k)"], ["Home End", "first, last"], ["/", "search"], ["f", "filters"], ["Esc", "close what is open; deselect the photo"]]],
  ["Map", [["Tab", "to the map, then:"], ["← ↑ → ↓", "move; with Shift, farther"], ["+ −", "zoom"], ["0", "show all photos"], ["Enter", "choose the photos under the cross"], ["c", "centre the chosen photo"]]],
];
/**
 * `parts` are added to a viewer that decides, writes or shows more. A part may have: start(),
 * grown(), refresh(), choose(id), details(id, cells), keydown(event), escape(), help.
 */
class Viewer {
  constructor(setup, store) {
    Object.assign(this, { setup, store, parts: [], review: null, chosen: null });
    this.columns = new Columns();
    this.view = new MapView($("#map"), () => this.moved());
    this.view.columns = this.columns;
  }

  async start() {
    const { columns, store } = this;
    await store.load(columns);
    this.filters = new Filters(columns, store, () => this.refresh());
    this.list = new List(columns, store, (id) => this.choose(id));
    this.details = new Details(columns, store, this.detailActions());
    this.addListeners();
    for (const part of this.parts) part.start?.();
    $("#credit").textContent = "Natural Earth";
    await this.grown();
    this.view.fit(this.shown, false);
    await pause();
    this.view.outlines = await Outlines.read(JSON.parse(dataText("outlines")), await store.towns());
    this.view.recolour();
    document.body.dataset.ready = "yes";
    await this.view.outlines.prepare();
  }

  detailActions() {
    return {
      close: () => this.deselect(),
      parts: (id, cells) => this.parts.flatMap((part) => part.details?.(id, cells) ?? []),
      picture: (id) => this.store.largePicture(id),
      whyNoPicture: (source) => this.store.whyNoPicture(source),
      alternative: (i) => this.takeAlternative(i),
      alternativeTitle: (i) => (this.review ? `Take it: key ${i + 1}` : "Show it on the map"),
    };
  }

  /** After rows were added. The steps are tasks of their own, so that none is long. */
  async grown() {
    this.filters.count();
    await pause();
    this.legend();
    for (const part of this.parts) part.grown?.();
    await pause();
    this.refresh();
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
    for (const part of this.parts) part.refresh?.();
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
    for (const part of this.parts) part.choose?.(id);
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
    for (const part of this.parts) part.choose?.(null);
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
    $("#legend").replaceChildren(...shown.map((kind) => element("li", {}, icon(kind, kind), NAMES[kind])));
  }

  switchView(name) {
    $("#main").dataset.view = name;
    for (const button of $$("[data-view]", $(".views"))) button.setAttribute("aria-pressed", button.dataset.view === name);
    this.list.later();
  }

  help() {
    const groups = [...HELP, ...this.parts.map((part) => part.help).filter(Boolean)];
    const keys = groups.map(([title, rows]) =>
      element("section", {}, element("h3", {}, title), element("dl", {}, ...rows.flatMap(([names, text]) => [element("dt", {}, ...names.split(" ").flatMap((name) => (name === "…" ? [" … "] : [element("kbd", {}, name), " "]))), element("dd", {}, text)]))),
    );
    $("#help-text").replaceChildren(
      element("p", {}, "Each photo is shown at the most probable place, according to its picture, the text in it and the camera clock. The dashed circle holds 90 % of the probability. These are predictions, not measurements."),
      element("p", {}, this.store.about(this.columns)),
      ...keys,
    );
    $("#help").showModal();
  }

  keydown(event) {
    if (event.defaultPrevented || $("#main").hidden) return;
    if (event.key === "Escape" && !$("dialog[open]")) return this.escape(event);
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const { view, list } = this;
    if (this.parts.some((part) => part.keydown?.(event))) return event.preventDefault();
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
    if (this.parts.some((part) => part.escape?.())) return;
    if (isTyping(event.target)) {
      if (!$("#filters").hidden && event.target.closest("#filters")) this.filters.open(false);
      this.list.box.focus();
    } else if (!$("#filters").hidden) this.filters.open(false);
    else if (this.filters.here) this.showHere(null);
    else this.deselect();
  }
}
