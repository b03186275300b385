// The intake form: what is answered becomes a QuestionnaireResponse; what is not, does not appear in it.

import { Problem, answers, diagnostics, reached, show } from "./service.js";

const byId = (id) => document.getElementById(id);
const form = byId("intake");
const { gate, system, url, version } = form.dataset;
const asked = (new URLSearchParams(location.search).get("ask") ?? "").split(",").filter(Boolean);
const questions = [...form.querySelectorAll(".question")];
const KEPT = "legwork-intake";

const chosen = (question) => [...question.querySelectorAll("input:checked")];
const isAsked = (question) => !asked.length || question.dataset.link === gate || asked.includes(question.dataset.link);
const isOpen = () => byId(`q-${gate}`).querySelector("[value=true]").checked;

// --- Filling in

function refresh() {
  const open = isOpen();
  for (const question of questions) {
    question.hidden = !isAsked(question) || (question.dataset.link !== gate && !open);
    question.querySelector(".clear").hidden = chosen(question).length === 0;
  }
  const shown = questions.filter((question) => !question.hidden);
  const done = shown.filter((question) => chosen(question).length).length;
  byId("progress").max = shown.length;
  byId("progress").value = done;
  byId("progress-words").textContent = `${done} of ${shown.length} answered`;
  sessionStorage.setItem(KEPT, JSON.stringify(questions.map((question) => chosen(question).map((input) => input.value))));
}

function change(event) {
  const { name, type, value, checked } = event.target;
  if (type === "checkbox" && checked) {
    // "None of these" and any of these exclude each other.
    for (const other of form.querySelectorAll(`[name="${name}"]`)) {
      if (other !== event.target && (value === "none" || other.value === "none" || value === "nothing" || other.value === "nothing")) other.checked = false;
    }
  }
  refresh();
}

function clear(question) {
  for (const input of chosen(question)) input.checked = false;
  refresh();
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
  questions.forEach((question, place) => {
    for (const input of question.querySelectorAll("input")) input.checked = (kept[place] ?? []).includes(input.value);
  });
  if (asked.length) byId(`q-${gate}`).querySelector("[value=true]").checked = true; // the card that asks is about such legs
}

// --- The answers

function answer(question, input) {
  if (question.dataset.kind === "boolean") return { valueBoolean: input.value === "true" };
  if (question.dataset.kind === "integer") return { valueInteger: Number(input.value) };
  return { valueCoding: { system, code: input.value, display: input.dataset.display } };
}

function response() {
  const item = questions
    .filter((question) => !question.hidden && chosen(question).length)
    .map((question) => ({
      linkId: question.dataset.link,
      text: question.querySelector("legend").firstChild.textContent.trim(),
      answer: chosen(question).map((input) => answer(question, input)),
    }));
  if (!item.length) throw new Problem("Nothing is answered yet.", "Answer at least the first question.");
  return { resourceType: "QuestionnaireResponse", questionnaire: `${url}|${version}`, status: "completed", authored: new Date().toISOString(), item };
}

function attempt(action) {
  return async (event) => {
    event.preventDefault();
    show(byId("problem"), null);
    byId("status").textContent = "";
    try {
      await action();
    } catch (error) {
      show(byId("problem"), error);
    }
  };
}

function tryIt() {
  answers.set(response());
  location.assign(`${document.documentElement.dataset.root}/try?answers`);
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(response(), null, 2)], { type: "application/fhir+json" }));
  link.download = "leg-ache-intake.json";
  link.click();
  URL.revokeObjectURL(link.href);
  byId("status").textContent = "The answers are saved as leg-ache-intake.json.";
}

async function send() {
  const server = byId("server").value.trim().replace(/\/+$/, "");
  const patient = byId("patient").value.trim();
  if (!/^https?:\/\/./.test(server) || !patient) throw new Problem("The address of the server or the patient's id is missing.", "Fill in both; the address begins with http:// or https://.");
  const body = JSON.stringify({ ...response(), subject: { reference: `Patient/${patient}` } });
  const headers = { "Content-Type": "application/fhir+json", Accept: "application/fhir+json" };
  byId("status").textContent = "Sending …";
  let answered;
  try {
    answered = await reached(`${server}/QuestionnaireResponse`, { method: "POST", headers, body }, "The FHIR server");
  } catch (problem) {
    byId("status").textContent = "";
    throw new Problem(problem.message, "Is the address right, does the server run, and does it let pages call it (CORS)? You can download the answers instead; none is lost.");
  }
  byId("status").textContent = answered.ok ? "Sent: the server has taken the answers." : "";
  if (!answered.ok) throw new Problem(`The FHIR server refused the answers: ${diagnostics(await answered.text()) || `status ${answered.status}`}.`, "You can download them instead; none is lost.");
}

// --- Start

form.addEventListener("change", (event) => event.target.closest(".question") && change(event));
form.addEventListener("click", (event) => event.target.closest(".clear") && clear(event.target.closest(".question")));
form.addEventListener("submit", attempt(tryIt));
byId("download").addEventListener("click", attempt(download));
byId("send").addEventListener("click", attempt(send));
byId("start-over").addEventListener("click", () => {
  questions.forEach(clear);
  byId("status").textContent = "All answers are cleared.";
});
byId("rest").hidden = asked.length === 0;
if (asked.length) byId("lead").textContent = "These answers would help to tell the causes apart. An unanswered question counts as not known, never as “no”.";
restore();
refresh();
