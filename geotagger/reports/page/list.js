// The list of photos. Only the visible rows have elements.

const ROW_PX = 58;
const BEYOND = 6;

class List {
  constructor(columns, store, onChoose) {
    Object.assign(this, { columns, store, onChoose, ids: [], index: -1, rows: new Map(), selected: new Set() });
    this.pictures = new LruCache((id) => this.picture(id), 300);
    this.box = $("#list");
    this.space = $("#list-space");
    this.box.addEventListener("scroll", () => this.later(), { passive: true });
    this.box.addEventListener("keydown", (event) => this.keydown(event));
    new ResizeObserver(() => this.later()).observe(this.box);
  }

  show(ids, chosen) {
    const before = this.index;
    this.ids = ids;
    this.index = chosen === null ? -1 : ids.indexOf(chosen);
    this.space.style.height = `${ids.length * ROW_PX}px`;
    this.box.setAttribute("aria-rowcount", ids.length);
    $("#list-empty").hidden = ids.length > 0;
    for (const [i, row] of this.rows) if (ids[i] !== row.photo) this.drop(i);
    if (this.index !== before) this.reveal();
    this.later();
  }

  drop(i) {
    this.rows.get(i).remove();
    this.rows.delete(i);
  }

  /** Makes the rows of these photos anew, after they have changed. */
  forget(ids) {
    const changed = new Set(ids);
    for (const [i, row] of this.rows) if (changed.has(row.photo)) this.drop(i);
    this.later();
  }

  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW_PX) - BEYOND);
    const last = Math.min(this.ids.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / ROW_PX) + BEYOND);
    for (const i of this.rows.keys()) {
      if (i < first || i >= last) this.drop(i);
    }
    for (let i = first; i < last; i++) {
      if (this.rows.has(i)) continue;
      const row = this.made(i);
      this.rows.set(i, row);
      this.space.append(row);
    }
    this.mark();
  }

  made(i) {
    const id = this.ids[i];
    const { columns } = this;
    const kind = kindOf(columns, id);
    const name = element("b", {}, "…");
    const place = element("span", { class: "place" });
    const picture = element("span", { class: "picture", role: "gridcell" });
    const sure = element("span", { class: "sure", role: "gridcell" }, percent(columns.confidence[id]));
    const state = element("span", { class: "state", role: "gridcell" }, icon(kind, kind), element("span", { class: "hidden" }, NAMES[kind]));
    state.title = NAMES[kind] + (columns.written[id] ? ", written" : "");
    const text = element("span", { class: "text", role: "gridcell" }, name, place);
    const row = element("div", { class: "row", role: "row", id: `row-${i}`, "aria-rowindex": i + 1 }, picture, text, sure, state);
    row.photo = id;
    row.style.top = `${i * ROW_PX}px`;
    row.addEventListener("click", (event) => {
      if (event.shiftKey || event.ctrlKey || event.metaKey) this.select(i, event.shiftKey);
      else this.go(i);
    });
    this.fill(id, row, name, place, picture);
    return row;
  }

  async fill(id, row, name, place, picture) {
    const cells = await this.store.row(id).catch(() => null);
    if (!cells || !row.isConnected) return;
    name.textContent = fileName(cells.path);
    row.title = plain(cells.path);
    place.textContent = placeName(cells.decision?.place ?? cells) || plain(cells.note) || NAMES[cells.status];
    const image = await this.pictures.get(id);
    if (image && row.isConnected) picture.append(image);
  }

  /** A copy of the small picture of a row, for another place on the page. */
  async pictureOf(id) {
    const image = await this.pictures.get(id);
    return image && this.imageOf(image.src);
  }

  /** The small picture of a row, cached while rows are rebuilt; null if there is none. */
  async picture(id) {
    const source = await this.store.picture(id);
    if (!source) return null;
    return this.imageOf(source);
  }

  imageOf(source) {
    const image = element("img", { src: source, alt: "", decoding: "async", draggable: "false" });
    image.addEventListener("error", () => image.classList.add("none"));
    return image;
  }

  mark() {
    for (const [i, row] of this.rows) {
      row.setAttribute("aria-selected", this.selected.has(this.ids[i]) || i === this.index);
      row.classList.toggle("chosen", i === this.index);
      row.classList.toggle("picked", this.selected.has(this.ids[i]));
    }
    const active = this.rows.get(this.index);
    if (active) this.box.setAttribute("aria-activedescendant", active.id);
    else this.box.removeAttribute("aria-activedescendant");
  }

  /** Chooses the row at an index, and scrolls to it. */
  go(index) {
    if (!this.ids.length) return;
    this.index = Math.max(0, Math.min(this.ids.length - 1, index));
    this.reveal();
    this.mark();
    this.onChoose(this.ids[this.index]);
  }

  point(id) {
    this.index = this.ids.indexOf(id);
    this.reveal();
    this.later();
  }

  reveal() {
    if (this.index < 0) return;
    const top = this.index * ROW_PX;
    const bottom = top + ROW_PX - this.box.clientHeight;
    if (this.box.scrollTop > top) this.box.scrollTop = top;
    else if (this.box.scrollTop < bottom) this.box.scrollTop = bottom;
  }

  keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.box.clientHeight / ROW_PX) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const from = this.index;
    this.go(from + step === -Infinity ? 0 : Math.min(from + step, this.ids.length - 1));
    if (event.shiftKey && this.onSelect) {
      const [low, high] = [Math.max(0, Math.min(from, this.index)), Math.max(from, this.index)];
      for (let i = low; i <= high; i++) this.selected.add(this.ids[i]);
      this.onSelect();
    }
  }

  /** Toggles the selection of a row; with `range`, selects all rows from the chosen one to it. */
  select(i, range = false) {
    if (!this.onSelect) return this.go(i);
    if (range && this.index >= 0) {
      for (let j = Math.min(i, this.index); j <= Math.max(i, this.index); j++) this.selected.add(this.ids[j]);
    } else if (!this.selected.delete(this.ids[i])) this.selected.add(this.ids[i]);
    this.mark();
    this.onSelect();
  }
}
