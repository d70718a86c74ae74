// node signals_reference.js FOLDER SEED COUNT: a line of JSON for each of COUNT random GPP strings, made and decoded
// again by the IAB's library, which is installed in FOLDER: {"gpp":…,"sections":{"usnat":{"SaleOptOut":…}}}.
"use strict";

const path = require("path");
const [folder, seed, count] = process.argv.slice(2);
const library = path.join(folder, "node_modules/@iabgpp/cmpapi/lib/cjs/encoder");
const { GppModel } = require(path.join(library, "GppModel.js"));
const { RangeEntry } = require(path.join(library, "datatype/RangeEntry.js"));
const { Sections } = require(path.join(library, "section/Sections.js"));
const { TcfCaV1CoreSegment } = require(path.join(library, "segment/TcfCaV1CoreSegment.js"));

let state = Number(seed) >>> 0;
function random() { // mulberry32
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
const below = (limit) => Math.floor(random() * limit);
const coin = () => random() < 0.5;
const flags = (length) => Array.from({ length }, coin);
const letters = () => String.fromCharCode(65 + below(26), 65 + below(26));

// Few or many ids, single or in runs, so that both forms are chosen.
function ids() {
  const found = new Set();
  const highest = [5, 60, 800, 16000][below(4)];
  const longest = [1, 3, 40][below(3)];
  for (let left = below(coin() ? 6 : 60); left > 0; left--) {
    const start = 1 + below(highest);
    for (let id = start; id < start + 1 + below(longest); id++) found.add(id);
  }
  return [...found].sort((one, other) => one - other);
}
function restrictions() {
  return Array.from({ length: below(3) }, () => new RangeEntry(1 + below(24), below(3), [...new Set(ids())]));
}

function fillTcf(model, name, values) {
  const days = below(2500); // from 2020 to 2026
  const rest = name === "tcfcav1" ? below(864000) : 0;
  const created = new Date(Date.UTC(2020, 0, 1) + days * 86400000 + rest * 100);
  const head = {
    CmpId: below(4096), CmpVersion: below(4096), ConsentScreen: below(64), ConsentLanguage: letters(),
    VendorListVersion: below(4096), UseNonStandardStacks: coin(),
  };
  for (const [field, value] of Object.entries({ ...head, ...values, Created: created, LastUpdated: created })) {
    model.setFieldValue(name, field, value);
  }
}
function fillEurope(model) {
  const custom = below(8);
  fillTcf(model, "tcfeuv2", {
    PolicyVersion: below(64), SpecialFeatureOptins: flags(12), PurposeConsents: flags(24),
    PurposeLegitimateInterests: flags(24), PurposeOneTreatment: coin(), PublisherCountryCode: letters(),
    VendorConsents: ids(), VendorLegitimateInterests: ids(), PublisherRestrictions: restrictions(),
    PublisherConsents: flags(24), PublisherLegitimateInterests: flags(24), NumCustomPurposes: custom,
    PublisherCustomConsents: flags(custom), PublisherCustomLegitimateInterests: flags(custom), VendorsDisclosed: ids(),
  });
}
function fillCanada(model) {
  const custom = below(8);
  fillTcf(model, "tcfcav1", {
    TcfPolicyVersion: below(64), SpecialFeatureExpressConsent: flags(12), PurposesExpressConsent: flags(24),
    PurposesImpliedConsent: flags(24), VendorExpressConsent: ids(), VendorImpliedConsent: ids(),
    PubRestrictions: restrictions(), PubPurposesExpressConsent: flags(24), PubPurposesImpliedConsent: flags(24),
    NumCustomPurposes: custom, CustomPurposesExpressConsent: flags(custom),
    CustomPurposesImpliedConsent: flags(custom), DisclosedVendors: ids(),
  });
}
function fillUs(model, name) {
  const setting = (field) => (field === "MspaCoveredTransaction" ? 1 + below(2) : below(3));
  model.setFieldValue(name, "MspaCoveredTransaction", 1);
  for (const [field, value] of Object.entries(model.getSection(name))) {
    if (field === "GpcSegmentType" || (field === "Version" && name !== "usnat")) continue;
    if (field === "Version") model.setFieldValue(name, field, 1 + below(2));
    else if (field === "MspaVersion") model.setFieldValue(name, field, below(64));
    else if (field === "Gpc") model.setFieldValue(name, field, coin());
    else model.setFieldValue(name, field, Array.isArray(value) ? value.map(() => below(3)) : setting(field));
  }
  for (const field of INCLUDED) if (canHave(model, name, field)) model.setFieldValue(name, field, coin());
}
const INCLUDED = ["GpcSegmentIncluded", "SensitiveDataConsentSegmentIncluded"];
function canHave(model, name, field) {
  try {
    return model.getFieldValue(name, field) !== null;
  } catch {
    return false;
  }
}
function fill(model, name) {
  if (name === "tcfeuv2") fillEurope(model);
  else if (name === "tcfcav1") fillCanada(model);
  else if (name === "uspv1") {
    for (const field of ["Notice", "OptOutSale", "LspaCovered"]) model.setFieldValue(name, field, "YN-"[below(3)]);
  } else fillUs(model, name);
}

// The ranges that the library wrote for Canada before. It still means to read them, but takes some for ranges in
// Fibonacci coding of millions of ids and runs out of memory: so such a string has to say what the one it is made of does.
function withFixedRanges(gpp) {
  const parts = gpp.split("~");
  const place = 1 + new GppModel(gpp).getSectionIds().indexOf(5);
  const [core, ...others] = parts[place].split(".");
  const segment = new TcfCaV1CoreSegment(core);
  const fields = segment.buildFields(true);
  for (const field of segment.getFieldNames()) fields.get(field).setValue(segment.getFieldValue(field));
  parts[place] = [segment.encodeSegment(fields), ...others].join(".");
  return parts.join("~");
}

const names = Sections.SECTION_ORDER;
for (let number = 0; number < Number(count); number++) {
  const model = new GppModel();
  const chosen = new Set([names[number % names.length]]);
  while (coin()) chosen.add(names[below(names.length)]);
  for (const name of chosen) fill(model, name);
  const gpp = model.encode();
  const decoded = new GppModel(gpp);
  const sections = decoded.toObject();
  for (const name of chosen) {
    for (const field of INCLUDED) if (canHave(decoded, name, field)) sections[name][field] = decoded.getFieldValue(name, field);
  }
  const earlier = chosen.has("tcfcav1") && coin();
  console.log(JSON.stringify({ gpp: earlier ? withFixedRanges(gpp) : gpp, sections }));
}
