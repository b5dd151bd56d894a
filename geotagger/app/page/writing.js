// Decisions as in the review; writing after a dry run, and restoring.

const DOING = { "dry-run": "Trying without writing", write: "Writing", untag: "Restoring" };
const RESULTS = { "dry-run": "Dry run", write: "Written", untag: "Restored" };

class Writing extends Review {
  constructor(app, desktop) {
    super(app);
    this.desktop = desktop;
  }

  start() {
    super.start();
    const { write } = this.desktop.state;
    if (write?.running) this.follow(DOING[write.kind], this.expected(write.number)).then((done) => done && this.report(done));
  }

  refresh() {
    super.refresh();
    $("#run-undo").hidden = !this.columns.written.includes(1);
  }

  /** The server refuses a decision if its rows have begun anew since. */
  send(change) {
    return super.send({ ...change, run: this.app.run });
  }

  /** Asks how, tries it without writing, shows the verdicts, and writes. */
  async write() {
    const plan = await this.store.get("api/plan");
    if (!plan.photos) return announce("No approved photo is left to write.");
    const write = await this.askHow(plan);
    if (!write) return;
    const tried = await this.job("dry-run", { write });
    if (tried?.error) return this.report(tried);
    if (!tried || !(await this.agreed(plan, tried, write))) return;
    const done = await this.job("write", { write, photos: plan.photos });
    if (done) await this.report(done);
  }

  async askHow(plan) {
    const { write } = this.desktop.beginning.options.get();
    const radio = (value, text) => element("label", {}, element("input", { type: "radio", name: "how", value, checked: write.mode === value }), text);
    const tag = (value, text) => element("label", {}, element("input", { type: "checkbox", name: "what", value, checked: write.tags.includes(value) }), text);
    const counts = [plan.approved && `${count(plan.approved, "prediction")} approved`, plan.corrected && `${count(plan.corrected, "place")} corrected`];
    const parts = [
      element("p", {}, `${count(plan.photos, "photo")}: ${counts.filter(Boolean).join(", ")}.`),
      element("fieldset", {}, element("legend", {}, "Where"), radio("exif", "into the photos (or into a sidecar if a photo cannot hold the tags)"), radio("sidecar", "into XMP sidecars; the photos stay unchanged")),
      element("fieldset", {}, element("legend", {}, "What"), tag("gps", "position"), tag("region", "names of places"), tag("keywords", "keywords")),
      element("p", { class: "soft" }, "First a dry run shows what would happen to each photo. GPS that a camera measured is kept."),
    ];
    if (!(await confirmDialog(`Write into ${count(plan.photos, "photo")}?`, parts, "Dry run"))) return null;
    const tags = $$("#ask-text [name=what]:checked").map((box) => box.value);
    return { ...write, mode: $("#ask-text [name=how]:checked").value, tags };
  }

  /** Shows what the dry run found, and asks for the last word. */
  agreed(plan, tried, write) {
    const where = write.mode === "exif" ? "into the photos" : "into sidecars";
    const parts = [element("p", {}, countsText(tried)), verdictTable(tried), element("p", { class: "command" }, element("code", { tabindex: "0" }, plain(tried.command)), element("button", { type: "button", onclick: () => copy(tried.command) }, "Copy")), element("p", { class: "soft" }, "Each photo can be restored to the same bytes: with Undo writing, or with geotagger untag.")];
    return confirmDialog("What would be written", parts, `Write ${where}: ${count(plan.photos, "photo")}`);
  }

  async untag() {
    const plan = await this.store.get("api/plan");
    if (!plan.written) return announce("Nothing of this run is written.");
    const text = element("p", {}, "They become the very files that they were before, byte for byte. Your decisions stay.");
    if (!(await confirmDialog(`Restore ${count(plan.written, "photo")}?`, [text], `Restore ${count(plan.written, "photo")}`))) return;
    const done = await this.job("untag", { photos: plan.written });
    if (done) await this.report(done);
  }

  /** Starts a job and shows its progress; resolves to its result, or to null. */
  async job(kind, value) {
    const started = this.store.post(`api/${kind}`, value);
    const ended = this.expected(started.then(({ number }) => number, () => null));
    try {
      await started;
    } catch (error) {
      this.ended = null;
      await confirmDialog("Not now", [element("p", { class: "wrong" }, plain(error.message))], "Close", true);
      return null;
    }
    return this.follow(DOING[kind], ended);
  }

  /** Resolves to the last event of a job, which may come before the answer that has the job's number. */
  expected(number) {
    this.awaited = number;
    return new Promise((done) => (this.ended = done));
  }

  async follow(title, ended) {
    const bar = element("progress", { max: 1, value: 0, "aria-label": "Photos so far" });
    const line = element("p", {}, "…");
    this.progress = (now) => {
      Object.assign(bar, { max: Math.max(1, now.photos), value: now.done });
      line.textContent = `${now.done.toLocaleString("en")} of ${now.photos.toLocaleString("en")}`;
    };
    const stop = element("button", { type: "button", onclick: () => this.store.post("api/write/stop", {}).catch((error) => announce(error.message)) }, "Stop after this photo");
    const closed = confirmDialog(title, [bar, line, stop], "Go on in the background", true);
    const last = await Promise.race([ended, closed.then(() => null)]);
    this.progress = this.ended = null;
    if (!last) return null;
    if ($("#ask").open) $("#ask").close();
    return this.result();
  }

  /** The result with its rows, which the page takes. */
  async result() {
    const result = await this.store.get("api/write");
    if (result.rows) this.take({ message: "", ...result });
    return result;
  }

  /** An event of a job; also one that another window has started, or that goes on unseen. */
  async event(write) {
    if (!write) return;
    const { ended } = this;
    if (write.running) this.progress?.(write);
    else if (ended) write.number === (await this.awaited) && ended(write);
    else if (write.kind !== "dry-run") this.result().then((result) => announce(`${RESULTS[write.kind]}: ${countsText(result)}`));
  }

  report(done) {
    const parts = [element("p", { class: done.error ? "wrong" : "" }, plain(done.error) || countsText(done)), verdictTable(done)];
    return confirmDialog(done.error ? "Stopped" : RESULTS[done.kind], parts, "Close", true);
  }
}

const countsText = ({ by_verdict: verdicts }) => Object.entries(verdicts).filter(([, number]) => number).map(([name, number]) => `${number.toLocaleString("en")} ${plain(name)}`).join(", ") || "Nothing to do.";

/** What happened or would happen to each photo; the server sends the first ones. */
function verdictTable({ verdicts, photos }) {
  const rows = verdicts.map(({ path, verdict, why }) => element("tr", {}, element("td", { class: "name", title: plain(path) }, fileName(path)), element("td", {}, element("b", {}, plain(verdict)), why ? `: ${plain(why)}` : "")));
  const more = photos - verdicts.length;
  return element("div", { class: "verdicts", tabindex: "0", role: "region", "aria-label": "Verdicts" }, element("table", {}, element("tbody", {}, ...rows)), more > 0 ? element("p", { class: "soft" }, `and ${count(more, "more photo")}`) : "");
}
