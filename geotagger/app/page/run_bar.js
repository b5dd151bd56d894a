// The progress of a run, and the buttons that pause, resume and stop it.

const STAGES = { starting: "Starting", running: "Running", pausing: "Pausing", paused: "Paused", stopping: "Stopping", stopped: "Stopped", done: "Done", failed: "Failed", ready: "Ready" };
const ANSWERED = { city: "city", region: "region", country: "country", continent: "continent", none: "without a name", unsure: "unsure" };
const UNANSWERED = new Set(["unsure", "skipped", "failed"]);
const CAN_PAUSE = new Set(["starting", "running"]);
const HELP_RUN = ["Run", [["Space", "pause, resume"], ["o", "folders and options"]]];

class RunBar {
  constructor(desktop) {
    Object.assign(this, { desktop, help: HELP_RUN });
    const act = (address) => () => desktop.beginning.act(address, {});
    $("#run-pause").addEventListener("click", () => this.pauseOrResume());
    $("#run-stop").addEventListener("click", act("api/stop"));
    $("#run-again").addEventListener("click", () => desktop.beginning.act("api/run", { options: desktop.beginning.options.get() }));
    $("#run-undo").addEventListener("click", () => desktop.writing?.untag());
    $("#run-command").addEventListener("click", () => this.command());
    $("#run-folders").addEventListener("click", () => desktop.show("beginning"));
  }

  pauseOrResume() {
    const { stage } = this.desktop.state;
    if (CAN_PAUSE.has(stage)) this.desktop.beginning.act("api/pause", {});
    else if (stage === "paused") this.desktop.beginning.act("api/resume", {});
  }

  update(state) {
    const { stage } = state;
    const busy = isBusy(state);
    this.box = $("#run");
    this.box.dataset.stage = stage;
    $("#run-stage").textContent = state.loading ? "Loading" : state.interrupted && !busy ? "Cut off" : STAGES[stage] ?? "";
    const pause = $("#run-pause");
    pause.hidden = !busy;
    pause.disabled = !CAN_PAUSE.has(stage) && stage !== "paused";
    pause.textContent = stage === "paused" || stage === "pausing" ? "Resume" : "Pause";
    $("#run-stop").hidden = !busy;
    $("#run-stop").disabled = stage === "stopping";
    $("#run-again").hidden = busy;
    $("#run-again").textContent = startWord(state);
    $("#run-error").hidden = !state.error;
    $("#run-error").textContent = plain(state.error);
    const back = element("code", {}, plain(state.come_back));
    const hint = busy ? ["You can close this window: the run goes on. ", back, " brings it back."] : ["Decisions are saved. ", back, " brings this back."];
    $("#run-hint").replaceChildren(...hint);
    this.progress(state.progress);
  }

  progress(progress) {
    const { stage } = this.desktop.state;
    const busy = isBusy(this.desktop.state);
    const { total, seconds, photos_per_s: rate, eta_s: left } = progress ?? {};
    const taken = progress ? Math.max(progress.done, progress.taken ?? 0) : this.desktop.state.rows; // rows of a trip arrive together, at its end
    const bar = $("#run-bar");
    bar.hidden = !busy;
    if (total) Object.assign(bar, { max: total, value: taken });
    else bar.removeAttribute("value");
    const parts = [busy && total ? `${taken.toLocaleString("en")} of ${total.toLocaleString("en")}` : count(taken, "photo")];
    if (stage === "running" && rate) parts.push(`${rate.toFixed(rate < 10 ? 1 : 0)} photos/s`);
    if (stage === "running" && typeof left === "number") parts.push(`${durationText(left)} left`);
    if (!busy && seconds) parts.push(`in ${durationText(seconds)}`);
    $("#run-numbers").textContent = parts.join(" · ");
  }

  /** Counts the rows that there are by the level of their answer, and those without one. */
  grown() {
    const { columns } = app;
    const counts = {};
    for (let id = 0; id < columns.rows; id++) {
      const status = columns.statuses[columns.status[id]];
      const name = UNANSWERED.has(status) ? status : columns.levels[columns.level[id]];
      counts[name] = (counts[name] ?? 0) + 1;
    }
    const answered = Object.entries(ANSWERED).filter(([name]) => counts[name]);
    const items = answered.map(([name, text]) => element("li", {}, element("b", {}, counts[name].toLocaleString("en")), ` ${text}`));
    for (const status of ["skipped", "failed"]) {
      if (counts[status]) items.push(element("li", {}, element("button", { type: "button", class: status, title: "Show them in the list", onclick: () => this.filter(status) }, icon(status), ` ${counts[status].toLocaleString("en")} ${status}`)));
    }
    const focused = $("#run-levels").contains(document.activeElement) && document.activeElement.className;
    $("#run-levels").replaceChildren(...items);
    if (focused) $(`#run-levels .${focused}`)?.focus();
  }

  filter(status) {
    const { filters } = app;
    filters.clear();
    for (const [, box] of filters.boxes.status) box.checked = box.value === status;
    app.refresh();
    app.switchView("list");
    app.list.go(0);
  }

  command() {
    const { command, report } = this.desktop.state;
    const text = element("code", { tabindex: "0" }, plain(command));
    const parts = [element("p", { class: "command" }, text, element("button", { type: "button", onclick: () => copy(command) }, "Copy")), element("p", { class: "soft" }, `The rows are in ${plain(report)}; geotagger report turns them into a table, a map or a track.`)];
    return confirmDialog("The same in a terminal", parts, "Close", true);
  }

  keydown(event) {
    if (event.key === " " && !event.target.closest("button, a") && isBusy(this.desktop.state)) this.pauseOrResume();
    else if (event.key === "o") this.desktop.show("beginning");
    else return false;
    return true;
  }
}

/** `12 s`, `4 min`, `2 h 05 min`. */
function durationText(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}
