// Starts the page, follows the server, and shows the beginning or the photos.

const BETWEEN_LOADS_MS = 400;
const REST = 12;

let app = null;

class Desktop {
  constructor(setup) {
    this.setup = { ...setup, about: "Decisions are saved at once. Nothing is written into a photo before you say so, after a dry run. The page loads nothing from anywhere but this computer." };
    this.store = new ServerStore(this.setup);
    this.state = null;
    this.namedRows = 0;
    this.beginning = new Beginning(this);
    this.runBar = new RunBar(this);
    $("#help-open").addEventListener("click", () => app ?? this.help());
    $(".top-actions").append(element("button", { type: "button", id: "quit", title: "Stop geotagger", onclick: () => this.quit() }, "Quit"));
  }

  async start() {
    document.body.classList.add("desktop");
    const [state] = await Promise.all([this.store.get("api/state"), this.beginning.load()]);
    this.take("state", state);
    await this.show(state.stage === "start" || state.stage === "ready" ? "beginning" : "photos");
    this.events = listenToServer((name, value) => this.take(name, value), (yes) => this.connected(yes));
    document.body.dataset.ready = "yes";
  }

  /** Takes the state, or a part of it that has changed. */
  take(name, value) {
    if (name === "bye") return; // the connection ends now, which is told as for any other cause
    if (name === "state") this.state = { ...this.state, ...value };
    else this.state[name] = value;
    if (name === "state") {
      if (app && value.run !== app.run) return location.reload();
      this.beginning.update(this.state);
      this.runBar.update(this.state);
      this.showRun(this.wanted);
      if (!value.folders.length && this.shown === "photos") this.show("beginning");
    } else if (name === "progress") this.runBar.progress(value);
    else if (name === "survey") {
      this.beginning.survey(value);
      this.beginning.startText(this.state);
    } else if (name === "pull") this.beginning.models.pulled(value);
    else if (name === "write") this.writing?.event(value);
    this.grow();
  }

  /** Shows the photos as soon as this run is the one of the state. */
  showRun(run) {
    this.wanted = run;
    if (run === undefined || this.state.run !== run) return;
    this.wanted = undefined;
    this.show("photos");
  }

  get writing() {
    return app?.review;
  }

  /** Shows the beginning, or the photos with the run. */
  async show(name) {
    this.shown = name;
    document.body.classList.toggle("at-beginning", name === "beginning");
    $("#beginning").hidden = name !== "beginning";
    $("#main").hidden = $("#run").hidden = name === "beginning";
    if (name === "beginning") {
      if ($("#help").open) $("#help").close();
      return ($("#folders button") ?? $("#example")).focus();
    }
    if (!app) await this.open();
    app.view.measure();
    app.list.box.focus();
  }

  async open() {
    app = new Viewer(this.setup, this.store);
    app.run = this.state.run;
    app.review = new Writing(app, this);
    app.parts.push(app.review, this.runBar, new LargePictures(app), new Filmstrip(app));
    const touch = () => (this.touched = true);
    for (const kind of ["pointerdown", "wheel", "keydown"]) $(".map").addEventListener(kind, touch, { capture: true, passive: true });
    await app.start();
    this.grow();
  }

  /** Loads the rows that were added, and rests in proportion to the work that they make. */
  async grow() {
    const wanted = () => Math.max(this.state.rows, this.state.progress?.rows ?? 0);
    if (!app?.filters || this.growing) return;
    if (app.columns.rows >= wanted()) return this.nameTowns();
    this.growing = true;
    try {
      while (app.columns.rows < wanted()) {
        const before = app.columns.rows;
        await this.store.load(app.columns);
        if (app.columns.rows === before) break;
        const started = performance.now();
        await app.grown();
        await pause();
        if (!this.touched && app.chosen === null) app.view.fit(app.shown);
        await this.nameTowns();
        await new Promise((done) => setTimeout(done, BETWEEN_LOADS_MS + REST * (performance.now() - started)));
      }
    } catch (error) {
      announce(error.message);
    } finally {
      this.growing = false;
    }
  }

  /** Names the towns around the photos: at first often, because each new photo may be elsewhere. */
  async nameTowns() {
    const { rows } = app.columns;
    const isAll = !isBusy(this.state) && rows >= this.state.rows;
    if (!app.view.outlines || rows === this.namedRows || (rows < 2 * this.namedRows && !isAll)) return;
    this.namedRows = rows;
    app.view.outlines.setTowns(await this.store.towns());
    app.view.recolour();
  }

  connected(yes) {
    document.body.classList.toggle("lost", !yes);
    $("#lost").hidden = yes;
    if (!yes) $("#lost code").textContent = plain(this.state.come_back);
    else this.grow();
  }

  /** Stops the program, after a question if it has something to do. */
  async quit() {
    const text = isBusy(this.state) ? "A run is on. It stops, and goes on from there the next time." : "All decisions are saved.";
    if (!(await confirmDialog("Quit geotagger?", [element("p", {}, text)], "Quit"))) return;
    this.events.close();
    await this.store.post("api/quit", {}).catch((error) => announce(error.message));
    const back = element("p", {}, "You can close this window. ", element("code", {}, plain(this.state.come_back)), " brings it back.");
    document.body.replaceChildren(element("main", { id: "ended" }, element("h1", {}, "geotagger has stopped"), back));
  }

  /** The help at the beginning, where there is no viewer to give it. */
  help() {
    const keys = [["Tab", "from field to field"], ["o", "choose a folder"], ["Ctrl Enter", "start"], ["Esc", "back to the photos"]];
    const list = element("dl", {}, ...keys.flatMap(([names, text]) => [element("dt", {}, ...names.split(" ").flatMap((name) => [element("kbd", {}, name), " "])), element("dd", {}, text)]));
    $("#help-text").replaceChildren(element("p", {}, this.setup.about), list, element("p", { class: "soft" }, "The photos have more keys: press ? there."));
    $("#help").showModal();
  }
}

const desktop = new Desktop(JSON.parse(dataText("setup")));
desktop.start().catch(fatal);
