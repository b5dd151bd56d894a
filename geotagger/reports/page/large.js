// A large picture beside the map, and two of them to compare.

const HELP_LARGE = ["Large pictures", [["b", "large picture beside the map, or not"], ["v", "compare: with the next photo that is chosen, or the two selected ones"], ["Esc", "close them"]]];

const CHOOSE_ANOTHER = "Now choose the photo to compare it with.";

class LargePictures {
  constructor(app) {
    Object.assign(this, { app, open: false, other: null, help: HELP_LARGE });
    this.box = element("section", { class: "large", "aria-label": "Large picture", hidden: true });
    $(".map").before(this.box);
    $("#details").addEventListener("click", (event) => event.target.closest("figure img") && this.toggle(true));
  }

  choose(id) {
    this.id = id;
    if (id === null) this.toggle(false);
    else if (this.open) this.draw();
  }

  toggle(open) {
    if (open && this.app.chosen === null) return announce("Choose a photo first.");
    this.open = open;
    if (!open) this.other = null;
    this.box.hidden = !open;
    document.body.classList.toggle("enlarging", open);
    if (open) this.draw();
    this.app.view.measure();
  }

  /** Compares the chosen photo with the next one, or the two that are selected. */
  compare() {
    const { app } = this;
    if (this.other !== null) {
      this.other = null;
      return this.draw();
    }
    const [first, second, more] = app.list.selected;
    if (second !== undefined && more === undefined) {
      this.other = first;
      if (app.chosen === second) this.toggle(true);
      else app.choose(second).then(() => this.toggle(true));
      return;
    }
    if (app.chosen === null) return announce("Choose a photo first.");
    this.other = app.chosen;
    this.toggle(true);
    announce(CHOOSE_ANOTHER);
  }

  async draw() {
    const ids = this.other === null || this.other === this.id ? [this.id] : [this.other, this.id];
    const close = element("button", { type: "button", class: "close", "aria-label": "Close the large picture (b)", title: "Close (b)", onclick: () => this.toggle(false) }, "×");
    const compare = element("button", { type: "button", "aria-pressed": String(this.other !== null), title: "Compare two photos (v)", onclick: () => this.compare() }, "Compare");
    const figures = await Promise.all(ids.map((id) => this.figure(id)));
    if (!this.open || ids.at(-1) !== this.id) return;
    const bar = element("header", {}, element("p", {}, ids.length === 2 ? this.apart(...ids) : this.other !== null ? "Choose another photo to compare with." : ""), compare, close);
    this.box.replaceChildren(bar, ...figures);
    this.box.classList.toggle("two", ids.length === 2);
    if (ids.length === 2 && $("#message").textContent === CHOOSE_ANOTHER) announce("");
  }

  async figure(id) {
    const { columns, store } = this.app;
    const cells = await store.row(id);
    const source = await store.largePicture(id);
    const image = element("img", { src: source, alt: `The photo ${fileName(cells.path)}` });
    const kind = kindOf(columns, id);
    const where = placeName(cells.decision?.place ?? cells) || NAMES[cells.status];
    const caption = element("figcaption", {}, icon(kind, kind), element("b", {}, fileName(cells.path)), element("span", {}, where), element("span", { class: "soft" }, plain(cells.taken_at).replace("T", " ")));
    const figure = element("figure", {}, image, caption);
    image.addEventListener("error", async () => image.replaceWith(element("p", { class: "soft" }, await store.whyNoPicture(source))));
    return figure;
  }

  /** How far apart two photos were placed. */
  apart(a, b) {
    const { lat, lon } = this.app.columns;
    const km = distanceKm(lat[a], lon[a], lat[b], lon[b]);
    return Number.isNaN(km) ? "One of the two has no place." : `${kilometres(km)} apart`;
  }

  keydown(event) {
    const act = { b: () => this.toggle(!this.open), v: () => this.compare() }[event.key];
    if (!act) return false;
    act();
    return true;
  }

  escape() {
    if (!this.open) return false;
    this.toggle(false);
    return true;
  }
}
