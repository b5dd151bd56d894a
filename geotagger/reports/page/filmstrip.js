// The photos of the chosen photo's day, in a row below the map.

const FRAME_PX = 84;
const HELP_STRIP = ["The day's photos", [["[ ]", "previous, next photo of the day"], ["{ }", "previous, next day"]]];

class Filmstrip {
  constructor(app) {
    Object.assign(this, { app, ids: [], frames: new Map(), help: HELP_STRIP });
    this.title = element("h3");
    this.track = element("div", { class: "film-space", role: "presentation" });
    this.film = element("div", { class: "film", role: "listbox", "aria-orientation": "horizontal", "aria-label": "Photos of the same day", tabindex: "0" }, this.track);
    const turn = (days, name, sign, key) => element("button", { type: "button", "aria-label": `${name} day`, title: `${name} day (${key})`, onclick: () => this.turn(days) }, sign);
    this.box = element("section", { class: "strip", "aria-label": "The day's photos", hidden: true }, element("header", {}, turn(-1, "Previous", "‹", "{"), this.title, turn(1, "Next", "›", "}")), this.film);
    $(".map").after(this.box);
    this.film.addEventListener("scroll", () => this.later(), { passive: true });
    this.film.addEventListener("keydown", (event) => this.keys(event));
    new ResizeObserver(() => this.later()).observe(this.film);
  }

  choose(id) {
    this.id = id;
    this.box.hidden = id === null;
    if (id !== null) this.show(this.app.columns.day[id]);
  }

  refresh() {
    if (this.app.chosen !== null) this.show(this.app.columns.day[this.app.chosen]);
  }

  /** Shows the photos of a day that pass the filters, in the order of the report. */
  show(day) {
    const { columns, shown } = this.app;
    const ids = shown.filter((id) => columns.day[id] === day).sort((a, b) => a - b);
    if (ids.length !== this.ids.length || ids.some((id, i) => id !== this.ids[i])) {
      this.ids = ids;
      this.track.style.width = `${ids.length * FRAME_PX}px`;
      for (const frame of this.frames.values()) frame.remove();
      this.frames.clear();
    }
    this.title.textContent = `${dayName(day)} · ${count(ids.length, "photo")}`;
    this.reveal();
    this.later();
  }

  reveal() {
    const left = this.ids.indexOf(this.id) * FRAME_PX;
    if (left < 0) return;
    const right = left + FRAME_PX - this.film.clientWidth;
    if (this.film.scrollLeft > left) this.film.scrollLeft = left - FRAME_PX;
    else if (this.film.scrollLeft < right) this.film.scrollLeft = right + FRAME_PX;
  }

  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  /** Makes the frames that can be seen, and drops the others. */
  draw() {
    const first = Math.max(0, Math.floor(this.film.scrollLeft / FRAME_PX) - 2);
    const last = Math.min(this.ids.length, Math.ceil((this.film.scrollLeft + this.film.clientWidth) / FRAME_PX) + 2);
    for (const [i, frame] of this.frames) {
      if (i >= first && i < last) continue;
      frame.remove();
      this.frames.delete(i);
    }
    for (let i = first; i < last; i++) {
      if (!this.frames.has(i)) this.frames.set(i, this.made(i));
      this.markKind(i);
      const chosen = this.ids[i] === this.id;
      this.frames.get(i).setAttribute("aria-selected", chosen);
      if (chosen) this.film.setAttribute("aria-activedescendant", this.frames.get(i).id);
    }
  }

  made(i) {
    const id = this.ids[i];
    const frame = element("div", { class: "frame", role: "option", id: `frame-${i}`, onclick: () => this.app.choose(id) });
    frame.style.left = `${i * FRAME_PX}px`;
    this.track.append(frame);
    this.fill(id, frame);
    return frame;
  }

  async fill(id, frame) {
    const image = await this.app.list.pictureOf(id);
    const cells = await this.app.store.row(id).catch(() => null);
    if (!frame.isConnected || !cells) return;
    frame.title = plain(cells.path);
    frame.setAttribute("aria-label", fileName(cells.path));
    if (image) frame.prepend(image);
  }

  /** Shows the decision or status of the photo in a frame. */
  markKind(i) {
    const frame = this.frames.get(i);
    const kind = kindOf(this.app.columns, this.ids[i]);
    if (frame.kind === kind) return;
    frame.kind = kind;
    $("svg", frame)?.remove();
    frame.append(icon(kind, kind));
  }

  /** Chooses the photo so many steps further in the day. */
  step(steps) {
    const to = this.ids[this.ids.indexOf(this.id) + steps];
    if (to === undefined) return announce(steps > 0 ? "This is the day's last photo." : "This is the day's first photo.");
    this.app.choose(to);
  }

  /** Chooses the first photo of the next day that has photos, or of the one before. */
  turn(way) {
    const { columns, shown } = this.app;
    const day = columns.day[this.id];
    let best = null;
    for (const id of shown) {
      const ahead = way * (columns.day[id] - day);
      if (columns.day[id] === NO_DAY || ahead <= 0) continue;
      const nearest = best === null ? Infinity : way * (columns.day[best] - day);
      if (ahead < nearest || (ahead === nearest && id < best)) best = id;
    }
    if (best === null) return announce(way > 0 ? "No later day has photos." : "No earlier day has photos.");
    this.app.choose(best);
  }

  keys(event) {
    const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -this.ids.indexOf(this.id), End: this.ids.length - 1 - this.ids.indexOf(this.id) }[event.key];
    if (steps === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (steps) this.step(steps);
  }

  keydown(event) {
    const act = { "[": () => this.step(-1), "]": () => this.step(1), "{": () => this.turn(-1), "}": () => this.turn(1) }[event.key];
    if (!act || this.app.chosen === null) return false;
    act();
    return true;
  }
}

/** `Sunday, 14 July 2019`. */
function dayName(day) {
  if (day === NO_DAY) return "Photos without a date";
  return new Date(day * 864e5).toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
}
