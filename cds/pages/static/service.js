// How pages ask: what goes wrong becomes words for people, and nothing that was typed is touched.

const PATIENCE = 30_000;
const root = document.documentElement.dataset.root;

/** Something went wrong; `what` happened, and what to `do` about it. */
export class Problem extends Error {
  constructor(what, todo) {
    super(what);
    this.todo = todo;
  }
}

/** Ask this service; gives the body as text. */
export async function ask(path, body) {
  const posted = { method: "POST", headers: { "Content-Type": "application/json" }, body };
  const response = await reached(root + path, body === undefined ? {} : posted, "This service");
  const text = await response.text();
  if (response.ok) return text;
  throw new Problem(`The service cannot use this: ${diagnostics(text) || `status ${response.status}`}.`, advice(response.status));
}

/** Reach an address, or say who did not answer. */
export async function reached(address, init, who) {
  try {
    return await fetch(address, { ...init, signal: AbortSignal.timeout(PATIENCE) });
  } catch (error) {
    if (error.name === "TimeoutError") {
      throw new Problem(`${who} did not answer within ${PATIENCE / 1000} seconds.`, "Nothing is lost: try again, or look whether it runs.");
    }
    throw new Problem(`${who} could not be reached.`, "Look whether it runs and whether the address is right; then try again. Nothing that you entered is lost.");
  }
}

/** Give the words of an OperationOutcome. */
export function diagnostics(text) {
  try {
    return JSON.parse(text).issue.map((issue) => issue.diagnostics ?? issue.details?.text ?? issue.code).join("; ");
  } catch {
    return "";
  }
}

function advice(status) {
  if (status === 412) return "Without these data the service would be guessing. Add them, or look whether the FHIR server answers and holds this patient.";
  if (status === 413) return "Send less: one patient, and of their results the last years.";
  if (status === 503 || status === 429) return "The service is busy: try again in a few seconds.";
  if (status >= 500) return "This is a fault of the service, not yours; its log tells more.";
  return "Change what you entered and try again; it is all still there.";
}

/** Show a problem, or none. */
export function show(place, problem) {
  place.replaceChildren();
  place.hidden = !problem;
  if (!problem) return;
  for (const words of [problem.message, problem.todo ?? "Try again; nothing that you entered is lost."]) {
    const line = document.createElement("p");
    line.textContent = words;
    place.append(line);
  }
}

/** The answers of the intake form, kept in this tab only, on their way to Try it. */
export const answers = {
  get: () => JSON.parse(sessionStorage.getItem("legwork-answers") ?? "null"),
  set: (response) => sessionStorage.setItem("legwork-answers", JSON.stringify(response)),
  drop: () => sessionStorage.removeItem("legwork-answers"),
};
