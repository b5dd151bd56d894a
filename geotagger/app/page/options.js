// What a run uses and what is written later, and the command that would do the same.

const FLAGS = ["read_text", "album", "use_names", "only_missing", "restart"];

class Options {
  constructor(store, models, picker) {
    Object.assign(this, { store, models, picker, tracks: [], countries: [], names: [], kept: {} });
    this.form = $("#options");
    this.changed = debounce(() => this.command(), 250);
    this.form.addEventListener("input", () => this.changed());
    this.form.addEventListener("submit", (event) => event.preventDefault());
    $("#area").addEventListener("input", () => this.countryTyped(false));
    $("#area").addEventListener("change", () => this.countryTyped(true));
    $("#area-browse").addEventListener("click", () => this.browseArea());
    $("#tracks-browse").addEventListener("click", () => this.browseTracks());
    $("#command-copy").addEventListener("click", () => copy(this.line));
  }

  async load() {
    this.names = await this.store.get("api/countries");
    $("#country-names").replaceChildren(...this.names.map(([, name]) => element("option", { value: name })));
  }

  /** Shows the options of the last run of these folders, or the defaults. */
  set(options) {
    this.kept = options;
    const { elements } = this.form;
    for (const name of FLAGS) elements[name].checked = options[name];
    const { write } = options;
    for (const radio of elements.mode) radio.checked = radio.value === write.mode;
    for (const box of elements.tags) box.checked = write.tags.includes(box.value);
    $("#clock").value = options.clock_offset;
    const codes = options.area.split(",").map((code) => code.trim());
    const known = options.area && codes.every((code) => this.names.some(([each]) => each === code));
    this.countries = known ? codes : [];
    $("#area").value = known ? "" : options.area;
    this.tracks = [...options.tracks];
    this.models.choose(options.models[0]);
    this.drawChips();
    this.command();
  }

  /** What the form says; the rest as it was. */
  get() {
    const { elements } = this.form;
    const checked = (boxes) => [...boxes].filter((box) => box.checked).map((box) => box.value);
    return {
      ...this.kept,
      ...Object.fromEntries(FLAGS.map((name) => [name, elements[name].checked])),
      models: [this.models.chosen],
      tracks: this.tracks.map(({ id, path }) => (id ? { id } : { path })),
      area: [...this.countries, $("#area").value.trim()].filter(Boolean).join(","),
      clock_offset: $("#clock").value.trim(),
      write: { ...this.kept.write, mode: checked(elements.mode)[0], tags: checked(elements.tags) },
    };
  }

  /** A country's name or code becomes a chip: when it is complete, or when the field is left. */
  countryTyped(left) {
    const text = $("#area").value.trim().toLowerCase();
    const found = this.names.find(([code, name]) => name.toLowerCase() === text || (left && code.toLowerCase() === text));
    if (!found) return;
    if (!this.countries.includes(found[0])) this.countries.push(found[0]);
    $("#area").value = "";
    this.drawChips();
    this.changed();
  }

  async browseArea() {
    const file = await this.picker.ask("Choose a GeoJSON file", "area");
    if (!file) return;
    $("#area").value = file.path;
    this.countries = [];
    this.drawChips();
    this.command();
  }

  async browseTracks() {
    const track = await this.picker.ask("Choose a track, or a folder of tracks", "tracks");
    if (!track) return;
    this.tracks.push(track);
    this.drawChips();
    this.command();
  }

  drawChips() {
    const chip = (text, remove) => element("li", {}, element("span", {}, plain(text)), element("button", { type: "button", "aria-label": `Leave out ${plain(text)}`, onclick: remove }, "×"));
    const without = (name, item) => () => {
      this[name] = this[name].filter((each) => each !== item);
      this.drawChips();
      this.command();
    };
    const nameOf = (code) => this.names.find(([each]) => each === code)?.[1] ?? code;
    $("#countries").replaceChildren(...this.countries.map((code) => chip(nameOf(code), without("countries", code))));
    $("#tracks").replaceChildren(...this.tracks.map((track) => chip(track.path, without("tracks", track))));
  }

  async command() {
    const asked = (this.asked = {});
    try {
      const { command } = await this.store.post("api/command", { options: this.get() });
      if (asked === this.asked) this.showCommand(command);
    } catch (error) {
      if (asked === this.asked) showWrong(error);
    }
  }

  showCommand(command) {
    this.line = command;
    clearWrong("#options");
    $("#command").textContent = plain(command);
  }
}

/** Shows an error next to the field that it is about, or as a message. */
function showWrong(error) {
  const place = error.field && document.getElementById(`wrong-${error.field}`);
  if (place) place.textContent = error.message;
  else announce(error.message);
}

function clearWrong(where) {
  for (const place of $$(`${where} .wrong[id]`)) place.textContent = "";
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    announce("Copied.");
  } catch {
    announce("The browser does not allow copying: select the text.");
  }
}
