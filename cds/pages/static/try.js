// Try it: a patient becomes a hook call, the call goes to the very address that an EHR calls, and the cards are drawn.

import { Problem, answers, ask, show } from "./service.js";

const byId = (id) => document.getElementById(id);
const form = byId("choose");
const limit = Number(form.dataset.limit);
const hook = `/cds-services/${form.dataset.service}`;
const LARGE = 200_000; // characters beyond which a text field becomes slow
let file = null; // a file too large for the text field
let explained = null; // why, once it was asked
let call = ""; // the last call that was answered

// --- Choosing

const source = () => form.elements.source.value;

function choose() {
  for (const panel of form.querySelectorAll(".panel")) panel.hidden = panel.dataset.source !== source();
  byId("answers").hidden = !answers.get() || source() === "answers" || source() === "server";
}

function describe() {
  const chosen = byId("example")?.selectedOptions[0];
  if (!chosen) return;
  const rows = [["Who", chosen.dataset.who], ["Legs", chosen.dataset.legs], ["Must come out", chosen.dataset.expected]];
  byId("about").replaceChildren(...rows.filter(([, said]) => said).flatMap(([name, said]) => [made("dt", `${name}:`), made("dd", said)]));
}

function made(tag, words) {
  const element = document.createElement(tag);
  element.textContent = words;
  return element;
}

function megabytes(size) {
  return `${(size / 1048576).toFixed(1)} MB`;
}

async function take(taken) {
  if (!taken) return;
  show(byId("problem"), null);
  if (taken.size > limit) {
    show(byId("problem"), new Problem(`“${taken.name}” has ${megabytes(taken.size)}; the service reads at most ${megabytes(limit)}.`, "Take a file with one patient, and of their results the last years. What was in the field is still there."));
    return;
  }
  file = taken.size > LARGE ? taken : null;
  if (!file) byId("bundle").value = await taken.text();
  byId("file-name").textContent = `${taken.name}, ${megabytes(taken.size)}${file ? "; too long to be shown in the field" : ""}`;
  byId("forget-file").hidden = false;
}

function forget() {
  file = null;
  byId("file").value = "";
  byId("file-name").textContent = "";
  byId("forget-file").hidden = true;
}

// --- The patient as a Bundle

/** Look whether a text is JSON, and give it as it is: a laboratory's 6.10 would not survive being read and written. */
function checked(pasted) {
  const text = pasted.replace(/^\uFEFF/, ""); // the mark with which some programs begin a text; nobody sees it
  if (!text.trim()) throw new Problem("There is no Bundle yet.", "Paste one, drop a file on the field, or choose an example patient.");
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    throw new Problem(`This is not JSON: ${error.message}.`, "Mend that place; the text is still in the field.");
  }
}

async function bundle() {
  if (source() === "example") return ask(`/try/patients/${byId("example").value}`);
  if (source() === "answers") return alone(Number(byId("age").value), byId("sex").value);
  const text = file ? await file.text() : byId("bundle").value;
  if (new Blob([text]).size > limit) throw new Problem(`The text has more than ${megabytes(limit)}.`, "Send one patient, and of their results the last years.");
  return checked(text);
}

/** Say whom the cards are about, where a Bundle leaves a choice. */
function whom(bundle, call) {
  const { entry } = JSON.parse(bundle);
  const patients = Array.isArray(entry) ? entry.filter((one) => one?.resource?.resourceType === "Patient") : [];
  return patients.length > 1 ? ` about patient ${JSON.parse(call).context.patientId}, one of ${patients.length} in the Bundle` : "";
}

function alone(age, sex) {
  const day = new Date();
  day.setFullYear(day.getFullYear() - age, day.getMonth(), day.getDate() - 1);
  const patient = { resourceType: "Patient", id: "somebody", gender: sex, birthDate: day.toISOString().slice(0, 10) };
  return JSON.stringify({ resourceType: "Bundle", type: "collection", entry: [{ resource: patient }] });
}

/** Give the hook call as text, and words on whom it is about. */
async function theCall() {
  if (source() === "server") return [fromServer(byId("server").value.trim(), byId("patient").value.trim()), ""];
  const from = await bundle();
  const made = await ask("/try/call", from);
  return [withAnswers(made), whom(from, made)];
}

function withAnswers(made) {
  const given = answers.get();
  if (!given || (source() !== "answers" && !byId("with-answers").checked)) return made;
  const whole = JSON.parse(made);
  const response = { ...given, id: "intake", subject: { reference: `Patient/${whole.context.patientId}` } };
  whole.prefetch.answers.entry.push({ resource: response });
  return JSON.stringify(whole);
}

function fromServer(fhirServer, patientId) {
  if (!fhirServer || !patientId) throw new Problem("The address of the server or the patient's id is missing.", "Fill in both.");
  const context = { userId: "Practitioner/try-it", patientId };
  return JSON.stringify({ hook: "patient-view", hookInstance: crypto.randomUUID(), fhirServer, context });
}

// --- Asking and showing

async function run(event) {
  event?.preventDefault();
  show(byId("problem"), null);
  byId("status").textContent = "Asking …";
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  try {
    const [body, about] = await theCall();
    const start = performance.now();
    const received = await ask(hook, body);
    const took = performance.now() - start;
    byId("cards").innerHTML = await ask("/try/cards", received);
    call = body;
    const count = JSON.parse(received).cards.length;
    byId("status").textContent = `${count} ${count === 1 ? "card" : "cards"}${about}, answered in ${took.toFixed(0)} ms.`;
    byId("sent").textContent = pretty(body);
    byId("received").textContent = pretty(received);
    byId("fed-back").textContent = "none yet";
    explained = null;
    byId("why").open = false;
    byId("why-content").replaceChildren();
    byId("result").hidden = false;
    if (event) byId("cards-heading").focus();
  } catch (error) {
    byId("status").textContent = "";
    byId("result").hidden = true;
    show(byId("problem"), error);
    byId("problem").scrollIntoView({ block: "nearest" });
  } finally {
    button.disabled = false;
  }
}

function pretty(json) {
  const text = JSON.stringify(JSON.parse(json), null, 2);
  return text.length > LARGE ? `${text.slice(0, LARGE)}\n… (cut here: it is too long to be shown)` : text;
}

function explain() {
  if (byId("why").open) explained ??= askWhy(); // it is asked once for a call, however often it is opened
  return explained;
}

async function askWhy() {
  const place = byId("why-content");
  place.textContent = "Asking every plan …";
  try {
    place.innerHTML = await ask("/try/why", call);
  } catch (error) {
    explained = null;
    place.textContent = "";
    show(byId("problem"), error);
  }
}

async function explainPlan(event) {
  const details = event.target;
  if (!details.matches(".criteria") || !details.open || details.lastElementChild.childElementCount) return;
  try {
    details.lastElementChild.innerHTML = await ask(`/try/why/${details.dataset.topic}`, call);
  } catch (error) {
    show(byId("problem"), error);
  }
}

async function goTo(anchor) {
  byId("why").open = true;
  await explain();
  const plan = byId(anchor.slice(1)) ?? byId("why");
  plan.open = true;
  const criteria = plan.querySelector(".criteria");
  if (criteria) criteria.open = true;
  plan.querySelector("summary").focus();
  plan.scrollIntoView();
}

// --- What the clinician makes of a card

async function feedBack(card, entry, words) {
  const feedback = [{ card: card.dataset.uuid, ...entry, outcomeTimestamp: new Date().toISOString() }];
  const body = JSON.stringify({ feedback });
  byId("fed-back").textContent = pretty(body);
  card.querySelector(".outcome").textContent = words;
  try {
    await ask(`${hook}/feedback`, body);
  } catch (error) {
    card.querySelector(".outcome").textContent = `${words} The service did not take the feedback: ${error.message}`;
  }
}

function act(event) {
  const card = event.target.closest(".card");
  if (event.target.matches(".suggestion")) {
    event.target.disabled = true;
    const words = `Accepted: an EHR would now put the draft order “${event.target.textContent}” before you to sign.`;
    feedBack(card, { outcome: "accepted", acceptedSuggestions: [{ id: event.target.dataset.suggestion }] }, words);
  } else if (event.target.matches(".dismiss")) {
    const reason = card.querySelector("select")?.selectedOptions[0];
    const given = reason?.value ? { overrideReason: { reason: { code: reason.value, system: reason.dataset.system } } } : {};
    feedBack(card, { outcome: "overridden", ...given }, `Set aside${reason?.value ? `: ${reason.textContent}` : ""}.`);
  } else if (event.target.closest(".to-why")) {
    event.preventDefault();
    goTo(event.target.closest(".to-why").getAttribute("href"));
  }
}

// --- Start

form.addEventListener("submit", run);
for (const radio of form.elements.source) radio.addEventListener("change", choose);
byId("example")?.addEventListener("change", describe);
byId("file").addEventListener("change", (event) => take(event.target.files[0]));
byId("forget-file").addEventListener("click", forget);
byId("bundle").addEventListener("input", forget);
byId("why").addEventListener("toggle", explain);
byId("why-content").addEventListener("toggle", explainPlan, true); // it does not bubble
byId("cards").addEventListener("click", act);
for (const kind of ["dragover", "dragleave", "drop"]) {
  byId("bundle").addEventListener(kind, (event) => {
    byId("bundle").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length === 0) return; // dropped text goes into the field by itself
    event.preventDefault();
    if (kind === "drop") take(event.dataTransfer.files[0]);
  });
}
byId("drop-answers").addEventListener("click", () => {
  answers.drop();
  byId("only-answers").hidden = true;
  choose();
});

const given = answers.get();
const asked = new URLSearchParams(location.search);
if (given) {
  byId("answers-when").textContent = `of ${new Date(given.authored).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
  byId("only-answers").hidden = false;
}
if (given && asked.has("answers")) form.elements.source.value = "answers";
const named = [...(byId("example")?.options ?? [])].find((option) => option.value === asked.get("patient"));
if (named) named.selected = true;
choose();
describe();
if ((given && asked.has("answers")) || named) run();
else if (asked.has("patient")) show(byId("problem"), new Problem(`There is no example patient “${asked.get("patient")}” here.`, "Choose one from the list."));
