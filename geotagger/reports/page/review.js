// Decisions: approve, reject, move, note, undo, write. Used only by `geotagger review`.

const TYPED_RADIUS_KM = 10;
const DRAGGED_RADIUS_KM = 1;
const NUDGE_PX = 12;
const HELP_REVIEW = [
  "Review",
  [["a", "approve, and go to the next undecided photo"], ["r", "reject, and go to the next undecided photo"], ["n", "next undecided photo"], ["1 … 9", "take an alternative, then a"], ["p", "type a place"], ["m", "move the pin with arrow keys; or drag it"], ["t", "note"], ["x", "select or deselect; also Shift with ↓ ↑"], ["Shift+A Shift+R", "approve, reject the selection"], ["u", "undo"], ["w", "write the approved photos"]],
];

class Review {
  constructor(app) {
    Object.assign(this, { app, view: app.view, columns: app.columns, store: app.store, moving: false });
    this.view.reviewing = true;
    this.help = HELP_REVIEW;
  }

  start() {
    document.body.classList.add("reviewing");
    const { list } = this.app;
    list.onSelect = () => this.showBatch();
    list.box.setAttribute("aria-multiselectable", "true");
    $("#undo").addEventListener("click", () => this.undo());
    $("#write").addEventListener("click", () => this.write());
    $("#batch-approve").addEventListener("click", () => this.batch("approved"));
    $("#batch-reject").addEventListener("click", () => this.batch("rejected"));
    $("#batch-clear").addEventListener("click", () => this.clearSelection());
    document.addEventListener("keydown", (event) => this.steerPin(event), true);
    if (this.store.setup.warning) announce(this.store.setup.warning);
  }

  grown() {
    this.undoable = this.columns.undoable;
  }

  refresh() {
    const counts = new Array(4).fill(0);
    for (const state of this.columns.state) counts[state]++;
    const decided = counts[1] + counts[2] + counts[3];
    $("#progress").textContent = `${decided.toLocaleString("en")} of ${this.columns.rows.toLocaleString("en")} decided`;
    $("#write").disabled = counts[1] + counts[2] === 0;
    $("#undo").disabled = !this.undoable;
    const here = this.app.filters.here;
    if (here && !this.app.list.selected.size) this.offerCluster(here);
    else this.showBatch();
  }

  /** The part of the details with the buttons, or with the proposed place. */
  details(id, cells) {
    const box = element("div", { class: "decide" });
    const { proposal } = this.view;
    box.append(proposal ? this.proposalPart(proposal) : this.decisionPart(id, cells), this.placePart(), this.notePart(id, cells));
    return [box];
  }

  decisionPart(id, cells) {
    const weak = this.namesNoPlace(cells);
    const button = (text, key, act, attributes = {}) => element("button", { type: "button", title: `Key ${key}`, onclick: act, ...attributes }, text, " ", element("kbd", {}, key));
    const box = element("div");
    box.append(
      element("div", { class: "main" }, button("Approve", "a", () => this.decide("approved"), { class: "primary", disabled: weak }), button("Reject", "r", () => this.decide("rejected")), button("Next", "n", () => this.next())),
    );
    if (weak) box.append(element("p", { class: "soft" }, "This prediction names no place. Take an alternative, type a place, or drag the pin."));
    else if (this.columns.state[id] === 0) box.append(element("p", { class: "soft" }, cells.writes ? `Approving writes: ${cells.writes}.` : ""));
    return box;
  }

  namesNoPlace(cells) {
    return cells.lat === null || cells.level === "none" || cells.level === "";
  }

  proposalPart(proposal) {
    const within = element("input", { type: "number", min: "0.01", max: "5000", step: "any", value: proposal.radius_km, "aria-label": "Within so many kilometres" });
    within.addEventListener("input", () => {
      if (Number(within.value) > 0) proposal.radius_km = Number(within.value);
      this.view.redraw();
    });
    const box = element("div", { class: "proposal" });
    box.append(
      element("h3", {}, "New place"),
      element("p", {}, element("b", {}, proposal.name || "…")),
      element("p", { class: "at" }, degrees(proposal.lat, proposal.lon)),
      element("p", { class: "within" }, "within ", within, " km"),
      element("div", { class: "actions" }, element("button", { type: "button", class: "primary", onclick: () => this.decide("corrected") }, "Approve this place ", element("kbd", {}, "a")), element("button", { type: "button", onclick: () => this.cancel() }, "Cancel ", element("kbd", {}, "Esc"))),
    );
    return box;
  }

  /** The search for a place by its name, in the places table of geotagger. */
  placePart() {
    const input = element("input", { type: "search", id: "place", autocomplete: "off", placeholder: "Town, or 48.85, 2.35" });
    const found = element("ul", { class: "found" });
    const search = debounce(async () => {
      const text = input.value;
      const places = text.trim() ? (await this.store.get(`api/places?q=${encodeURIComponent(text)}`)).places : [];
      if (text !== input.value) return; // it answers what was typed before
      found.replaceChildren(
        ...places.map((place) => element("li", {}, element("button", { type: "button", onclick: () => this.propose({ ...place, radius_km: TYPED_RADIUS_KM }, true) }, plain(place.name), " ", element("small", {}, place.people ? `${place.people.toLocaleString("en")} people` : "")))),
      );
      if (text.trim() && !places.length) found.replaceChildren(element("li", { class: "soft" }, "no place of that name"));
    }, 140);
    input.addEventListener("input", search);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "ArrowDown") $("button", found)?.[event.key === "Enter" ? "click" : "focus"]();
      else return;
      event.preventDefault();
    });
    return element("div", {}, element("label", {}, element("span", {}, "Another place ", element("kbd", {}, "p")), input), found);
  }

  notePart(id, cells) {
    const note = element("textarea", { id: "note", rows: "1", maxlength: "2000" });
    note.value = cells.decision?.note ?? "";
    note.addEventListener("change", () => this.send({ ids: [id], note: note.value }).then(() => announce("Note saved.")));
    return element("label", {}, element("span", {}, "Note ", element("kbd", {}, "t")), note);
  }

  /** Proposes a new place for the chosen photo, which has to be approved. */
  async propose(place, near = false) {
    this.view.proposal = { ...place };
    this.view.redraw();
    if (near) this.view.fly(worldX(place.lon), worldY(place.lat), Math.max(this.view.zoom, 7));
    const { proposal } = this.view;
    if (!proposal.name) proposal.name = (await this.store.get(`api/name?lat=${proposal.lat}&lon=${proposal.lon}`)).name;
    if (this.view.proposal === proposal) await this.app.details.show(this.app.chosen);
  }

  drag(lat, lon) {
    this.view.proposal = { lat, lon, radius_km: this.view.proposal?.radius_km ?? DRAGGED_RADIUS_KM, name: "" };
    this.view.redraw();
  }

  drop(lat, lon) {
    this.propose({ lat, lon, radius_km: this.view.proposal?.radius_km ?? DRAGGED_RADIUS_KM, name: "" });
  }

  cancel() {
    this.view.proposal = null;
    this.moving = false;
    this.view.redraw();
    if (this.app.chosen !== null) this.app.details.show(this.app.chosen);
  }

  /** Decides on the chosen photo, then goes to the next undecided one. */
  async decide(state) {
    const id = this.app.chosen;
    const { proposal } = this.view;
    if (id === null) return;
    if (state !== "rejected" && proposal) state = "corrected";
    if (state === "approved" && this.namesNoPlace(await this.store.row(id))) return announce("This prediction names no place: take an alternative (1 to 9), type a place (p), or drag the pin.");
    const place = state === "corrected" ? { lat: proposal.lat, lon: proposal.lon, radius_km: proposal.radius_km } : {};
    this.view.proposal = null;
    this.moving = false;
    if (await this.send({ ids: [id], state, ...place })) this.next(id);
  }

  async send(change) {
    try {
      this.take(await this.store.post("api/decide", change));
      return true;
    } catch (error) {
      announce(`Not saved: ${error.message}`);
      return false;
    }
  }

  /** Updates rows from an answer of the server. */
  take(answer) {
    this.undoable = answer.undoable;
    const { columns } = this;
    for (const [id, state, written, lat, lon, radiusKm] of answer.rows) {
      columns.state[id] = state;
      columns.written[id] = written;
      columns.x[id] = lat === null ? NaN : worldX(lon);
      columns.y[id] = lat === null ? NaN : worldY(lat);
      [columns.lat[id], columns.lon[id], columns.radius_km[id]] = [lat, lon, radiusKm].map((part) => part ?? NaN);
    }
    const { app } = this;
    const changed = answer.rows.map(([id]) => id);
    this.store.forget(changed);
    app.list.forget(changed);
    this.view.marked = null;
    app.refresh();
    if (app.chosen !== null && answer.rows.some(([id]) => id === app.chosen)) app.details.show(app.chosen);
    if (answer.message) announce(answer.message);
  }

  next(from = this.app.chosen) {
    const { list } = this.app;
    const start = list.ids.indexOf(from);
    for (let step = 1; step <= list.ids.length; step++) {
      const i = (start + step) % list.ids.length;
      if (this.columns.state[list.ids[i]] === 0) return list.go(i);
    }
    announce("All photos in this list are decided.");
  }

  async undo() {
    try {
      this.take(await this.store.post("api/undo", {}));
    } catch (error) {
      announce(error.message);
    }
  }

  pick(ids) {
    for (const id of ids) this.app.list.selected.add(id);
    this.app.list.mark();
    this.showBatch();
  }

  showBatch() {
    const { selected } = this.app.list;
    $("#batch").hidden = selected.size === 0;
    $("#batch span").textContent = `${selected.size.toLocaleString("en")} selected`;
  }

  offerCluster(ids) {
    $("#batch").hidden = false;
    $("#batch span").textContent = `All ${ids.length.toLocaleString("en")} here`;
  }

  clearSelection() {
    this.app.list.selected.clear();
    this.app.list.mark();
    $("#batch").hidden = true;
  }

  async batch(state) {
    const { list, filters } = this.app;
    const ids = list.selected.size ? [...list.selected] : filters.here;
    if (!ids?.length) return announce("Nothing is selected: Shift-click rows, or a mark on the map.");
    const verb = state === "approved" ? "Approve" : "Reject";
    const text = state === "approved" ? "Photos whose prediction names no place stay undecided." : "They stay in the list, and nothing is written into them.";
    if (!(await confirmDialog(`${verb} ${count(ids.length, "photo")}?`, [element("p", {}, text)], verb))) return;
    if (await this.send({ ids, state })) this.clearSelection();
  }

  /** Writes the approved photos, after a confirmation with their counts. */
  async write() {
    const plan = await this.store.get("api/plan");
    if (!plan.photos) return announce("No approved photo is left to write.");
    const modes = [["exif", "into the photos (or into a sidecar if a photo cannot hold the tags)"], ["sidecar", "into XMP sidecars; the photos stay unchanged"]];
    const choices = modes.map(([value, text], i) => element("label", {}, element("input", { type: "radio", name: "mode", value, checked: i === 0 }), text));
    const counts = [plan.approved && `${count(plan.approved, "prediction")} approved`, plan.corrected && `${count(plan.corrected, "place")} corrected`];
    const text = [
      element("p", {}, `${count(plan.photos, "photo")}: ${counts.filter(Boolean).join(", ")}.`),
      ...choices,
      element("p", { class: "soft" }, "They are marked as confirmed by a person, and as not measured. GPS that a camera measured is kept. `geotagger untag` restores each photo."),
    ];
    if (!(await confirmDialog(`Write into ${count(plan.photos, "photo")}?`, text, `Write ${count(plan.photos, "photo")}`))) return;
    const mode = $("#ask-text input:checked").value;
    try {
      await this.store.post("api/write", { mode, photos: plan.photos });
      await this.watch();
    } catch (error) {
      announce(`Not written: ${error.message}`);
    }
  }

  /** Shows the progress of the write until it ends. */
  async watch() {
    const bar = element("progress", { max: 1, value: 0, "aria-label": "Written so far" });
    const line = element("p", {}, "…");
    const closed = confirmDialog("Writing", [bar, line], "Close", true);
    for (;;) {
      const now = await this.store.get("api/write");
      Object.assign(bar, { max: Math.max(1, now.photos), value: now.done });
      line.textContent = `${now.done.toLocaleString("en")} of ${now.photos.toLocaleString("en")}`;
      if (!now.running) {
        $("#ask-title").textContent = now.error ? "Stopped" : "Written";
        const counts = Object.entries(now.counts).map(([name, number]) => `${number.toLocaleString("en")} ${name}`);
        line.textContent = now.error || counts.join(", ");
        if (now.notes.length) $("#ask-text").append(element("ul", {}, ...now.notes.map((note) => element("li", {}, plain(note)))));
        this.take(now);
        break;
      }
      await new Promise((done) => setTimeout(done, 250));
    }
    return closed;
  }

  escape() {
    if (!this.view.proposal && !this.moving) return false;
    this.cancel();
    return true;
  }

  /** Handles the keys of the review; true if the key is one of them. */
  keydown(event) {
    const { app } = this;
    const chosen = app.chosen !== null;
    const keys = {
      a: () => chosen && this.decide("approved"),
      r: () => chosen && this.decide("rejected"),
      n: () => this.next(),
      u: () => this.undo(),
      w: () => !$("#write").disabled && this.write(),
      x: () => app.list.index >= 0 && app.list.select(app.list.index),
      A: () => this.batch("approved"),
      R: () => this.batch("rejected"),
      p: () => chosen && this.focus("#place"),
      t: () => chosen && this.focus("#note"),
      m: () => chosen && this.startMoving(),
    };
    const number = "123456789".indexOf(event.key);
    if (number >= 0 && event.key) {
      if (chosen) app.takeAlternative(number);
      return chosen;
    }
    if (!keys[event.key]) return false;
    keys[event.key]();
    return true;
  }

  focus(selector) {
    if (matchMedia("(max-width: 760px)").matches) this.app.switchView("details");
    $(selector).focus();
  }

  startMoving() {
    const pin = this.view.pin();
    const [x, y] = pin ?? [this.view.x, this.view.y];
    this.moving = true;
    this.view.proposal ??= { lat: latOf(y), lon: lonOf(x), radius_km: DRAGGED_RADIUS_KM, name: "" };
    this.view.fly(x, y, Math.max(this.view.zoom, 5));
    announce("Arrow keys move the pin, with Shift farther; plus and minus zoom; a approves, Escape cancels.");
  }

  /** While the pin is being moved, arrow keys move it, wherever the focus is. */
  steerPin(event) {
    if (!this.moving || isTyping(event.target) || !this.nudge(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  nudge(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!steps || !this.view.proposal) return false;
    const far = (NUDGE_PX * (event.shiftKey ? 6 : 1)) / this.view.px;
    const { proposal } = this.view;
    const lat = latOf(worldY(proposal.lat) + steps[1] * far);
    const lon = lonOf(worldX(proposal.lon) + steps[0] * far);
    this.drag(lat, lon);
    this.settled ??= debounce(() => this.view.proposal && this.drop(this.view.proposal.lat, this.view.proposal.lon), 250);
    this.settled();
    return true;
  }
}

/** Answers the question that the dialog shows or showed last. */
let answerDialog = null;

/** A confirmation dialog; resolves to true if the person agrees. It takes the place of an open one, which is cancelled. */
function confirmDialog(title, parts, yes, onlyClose = false) {
  answerDialog?.(false);
  const dialog = $("#ask");
  $("#ask-title").textContent = title;
  $("#ask-text").replaceChildren(...parts);
  const back = onlyClose ? [] : [element("button", { value: "" }, "Cancel")];
  $("#ask .ask-actions").replaceChildren(...back, element("button", { value: "yes", class: "primary" }, yes));
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((done) => (answerDialog = done));
}

/** The event comes with the next frame, which a hidden page never draws. If the dialog is open again by then, its new question has no answer yet. */
$("#ask").addEventListener("close", ({ target }) => {
  if (!target.open) answerDialog?.(target.returnValue === "yes");
});
