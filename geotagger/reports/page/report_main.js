// Starts the page of a report.

const setup = JSON.parse(dataText("setup"));
const app = new Viewer(setup, new FileStore(setup));
app.start().catch(fatal);
