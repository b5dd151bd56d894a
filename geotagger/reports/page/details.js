// The panel with the details of the chosen photo.

class Details {
  constructor(columns, store, actions) {
    Object.assign(this, { columns, store, actions, id: null });
    this.box = $("#details");
    this.empty();
  }

  empty() {
    this.id = null;
    const hint = "Choose a photo on the map or in the list to see where it may have been taken, and why.";
    this.box.replaceChildren(element("p", { class: "hint" }, hint));
  }

  /** Shows a row and returns its cells. */
  async show(id) {
    this.id = id;
    const cells = await this.store.row(id);
    if (this.id !== id) return null;
    const parts = [this.heading(cells), this.picture(id, cells), this.answer(id, cells), ...this.actions.parts(id, cells)];
    this.box.replaceChildren(...[...parts, this.remedy(cells), this.evidence(cells), this.alternatives(cells), this.facts(cells)].filter(Boolean));
    this.box.scrollTop = 0;
    return cells;
  }

  heading(cells) {
    const folder = folderName(cells.path);
    const close = element("button", { type: "button", class: "close", "aria-label": "Close (Escape)", onclick: this.actions.close }, "×");
    return element("header", {}, element("div", {}, element("h2", {}, fileName(cells.path)), folder && element("p", { class: "folder" }, folder)), close);
  }

  picture(id, cells) {
    const box = element("figure", { class: "picture" });
    this.actions.picture(id).then((source) => {
      if (!source) return box.replaceChildren(element("figcaption", {}, "no picture in this report"));
      const image = element("img", { src: source, alt: `The photo ${fileName(cells.path)}` });
      image.addEventListener("error", async () => {
        box.replaceChildren(element("figcaption", {}, await this.actions.whyNoPicture(source)));
      });
      box.replaceChildren(image);
    });
    return box;
  }

  answer(id, cells) {
    const decided = cells.decision;
    const kind = kindOf(this.columns, id);
    const box = element("div", { class: "answer" });
    box.append(element("p", { class: `status ${kind}` }, icon(kind, kind), NAMES[kind] + (decided?.written ? ", and written" : "")));
    const place = decided?.place ?? cells;
    if (decided?.place || cells.lat !== null) box.append(element("p", { class: "where" }, placeName(place) || "at sea, or no name"));
    if (cells.lat === null && !decided?.place) return box;
    const at = decided?.place ? decided : cells;
    box.append(element("p", { class: "at" }, degrees(at.lat, at.lon), ` · within ${kilometres(at.radius_km)}`));
    const measured = !decided?.place && cells.measured_by;
    if (measured) box.append(element("p", { class: "at" }, `measured by a ${plain(cells.measured_by)}`));
    if (!measured && !decided?.place && cells.confidence !== null) box.append(this.meter(cells));
    return box;
  }

  meter(cells) {
    const known = { city: "confident in the city", region: "confident in the region", country: "confident in the country", continent: `confident in the continent, ${plain(cells.continent)}` };
    const what = known[cells.level] ?? "for this country: not enough to name a place";
    const meter = element("meter", { min: 0, max: 1, value: cells.confidence, "aria-label": "Confidence" });
    return element("p", { class: "meter" }, meter, element("b", {}, percent(cells.confidence)), ` ${what}`);
  }

  /** For a photo that failed or was skipped: why, and what helps. */
  remedy(cells) {
    if (!cells.remedy) return null;
    return element("section", {}, element("h3", {}, "What helps"), element("p", {}, plain(cells.remedy)));
  }

  evidence(cells) {
    if (!cells.evidence) return null;
    return element("section", {}, element("h3", {}, "Why"), element("p", { class: "evidence" }, plain(cells.evidence)));
  }

  alternatives(cells) {
    if (!cells.alternatives?.length) return null;
    const items = cells.alternatives.map((place, i) => {
      const bar = element("span", { class: "bar" });
      bar.style.width = `${Math.max(1, 100 * Number(place.probability))}%`;
      const text = [element("b", { class: "number" }, String(i + 1)), element("span", {}, placeName(place) || degrees(place.lat, place.lon)), element("small", {}, percent(Number(place.probability))), bar];
      return element("li", {}, element("button", { type: "button", title: this.actions.alternativeTitle(i), onclick: () => this.actions.alternative(i) }, ...text));
    });
    return element("section", {}, element("h3", {}, "Alternatives"), element("ol", { class: "alternatives" }, ...items));
  }

  facts(cells) {
    const facts = [
      ["Taken", plain(cells.taken_at).replace("T", " ")],
      ["Measured GPS", this.gps(cells)],
      ["Note", plain(cells.note)],
      ["Model", plain(cells.model)],
      ["SHA-256", plain(cells.sha256)],
    ];
    const shown = facts.filter(([, value]) => value);
    if (!shown.length) return null;
    const list = element("dl", {}, ...shown.flatMap(([name, value]) => [element("dt", {}, name), element("dd", { class: name === "SHA-256" ? "hash" : "" }, value)]));
    return element("section", {}, element("h3", {}, "Facts"), list);
  }

  gps(cells) {
    if (cells.gps_lat === null) return cells.gps_check === "invalid" ? "invalid" : "";
    const away = cells.gps_distance_km === null ? "" : `, ${kilometres(cells.gps_distance_km)} from the prediction`;
    const check = { agree: " (inside the circle)", far: " (outside the circle)" }[cells.gps_check] ?? "";
    return degrees(cells.gps_lat, cells.gps_lon) + away + check;
  }
}
