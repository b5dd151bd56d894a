// What the server tells without being asked.

const EVENTS = ["state", "progress", "survey", "pull", "write", "bye"];

/** Calls `take(name, value)` for each event, and `connected(yes)` when the connection changes. */
function listenToServer(take, connected) {
  const source = new EventSource("api/events");
  for (const name of EVENTS) source.addEventListener(name, (event) => take(name, JSON.parse(event.data)));
  source.addEventListener("open", () => connected(true));
  source.addEventListener("error", () => connected(false));
  return source;
}
